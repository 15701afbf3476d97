"""Training steps beside a busy neighbor: what OpenMP's waiting threads cost, by setting.

A step of the demo's network on all cores, alone and beside one process that keeps one core busy.
A thread that finishes its share of a loop spins until the others have; when one of them waits for
a core, the spinning takes it. CPUThreadsHook, which the presets have, takes a thread less then.
Settings alternate, a process of its own each, and the table has the medians over the rounds.

    python benchmarks/neighbors.py [--rounds 3] [--seconds 8]
"""

import argparse
import logging
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

CONFIG = Path(__file__).resolve().parents[1] / 'configs' / 'einet_tiny_shapes.py'
SIZE = (128, 128)
CORES = len(os.sched_getaffinity(0))
HOOK = 'CPUThreadsHook'
SETTINGS = {
    'nothing set': {},
    HOOK: {'NEIGHBORS_HOOK': '1'},
    'OMP_WAIT_POLICY=passive': {'OMP_WAIT_POLICY': 'passive'},
    f'OMP_NUM_THREADS={max(1, CORES - 1)}': {'OMP_NUM_THREADS': str(max(1, CORES - 1))},
}
# Left out of what the user's environment says, so that the settings alone differ.
OWN = {'GOMP_SPINCOUNT', 'MKL_NUM_THREADS', 'OMP_NUM_THREADS', 'OMP_WAIT_POLICY'}


def measure_steps(seconds: float) -> float:
    """Median time of a training step, in this process, after two that are not counted."""
    import torch
    from mmdet.registry import MODELS
    from mmdet.utils import register_all_modules
    from mmengine.config import Config

    register_all_modules(init_default_scope=True)
    from einet.hooks import CPUThreadsHook
    from tests.models.samples import make_sample

    torch.manual_seed(0)
    config = Config.fromfile(CONFIG)
    things, stuff = config.model.num_things_classes, config.model.num_stuff_classes
    batch_size = config.train_dataloader.batch_size
    boxes = [(0, 8, 8, 60, 40), (things - 1, 50, 4, 120, 90), (0, 10, 70, 50, 120)]
    samples = [
        make_sample(SIZE, boxes, stuff=things, num_classes=things + stuff)
        for _ in range(batch_size)
    ]
    model = MODELS.build(config.model).train()
    optimizer = torch.optim.AdamW(model.parameters())
    inputs = torch.randn(batch_size, 3, *SIZE)
    hook = CPUThreadsHook(interval=1.0)
    runner = SimpleNamespace(model=model, distributed=False, logger=logging.getLogger())
    if 'NEIGHBORS_HOOK' in os.environ:
        hook.before_run(runner)
    times, end = [], time.monotonic() + seconds
    while time.monotonic() < end or len(times) < 4:
        start = time.perf_counter()
        optimizer.zero_grad()
        sum(model.loss(inputs, samples).values()).backward()
        optimizer.step()
        model.interaction.centers.commit()
        hook.after_train_iter(runner, len(times))
        times.append(time.perf_counter() - start)
    return statistics.median(times[2:])


def run_child(setting: dict[str, str], seconds: float) -> float:
    """The same in a process of its own, with the environment that is to be compared."""
    root = CONFIG.parents[1]
    environment = {name: value for name, value in os.environ.items() if name not in OWN}
    environment['PYTHONPATH'] = f'{root / "projects"}:{root}'
    command = [sys.executable, __file__, '--child', '--seconds', str(seconds)]
    result = subprocess.run(
        command, env=environment | setting, check=True, stdout=subprocess.PIPE, text=True
    )
    return float(result.stdout.split()[-1])


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--rounds', type=int, default=3, help='of all settings (%(default)s)')
    parser.add_argument('--seconds', type=float, default=8, help='of a measurement (%(default)s)')
    parser.add_argument('--child', action='store_true', help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(measure_steps(args.seconds))
        return
    times = {name: ([], []) for name in SETTINGS}
    for _ in range(args.rounds):
        for name, setting in SETTINGS.items():
            times[name][0].append(run_child(setting, args.seconds))
            neighbor = subprocess.Popen([sys.executable, '-c', 'while True: pass'])
            try:
                times[name][1].append(run_child(setting, args.seconds))
            finally:
                neighbor.kill()
                neighbor.wait()
    print(f'{CORES} cores, seconds of a step, median of {args.rounds} (least to most)')
    print(f'{"":26}{"alone":>22}{"beside one":>22}{"slow-down":>12}')
    for name, columns in times.items():
        cells = [
            f'{statistics.median(column):.3f} ({min(column):.3f}-{max(column):.3f})'
            for column in columns
        ]
        slow_down = statistics.median(columns[1]) / statistics.median(columns[0])
        print(f'{name:26}{cells[0]:>22}{cells[1]:>22}{slow_down:>11.1f}x')


if __name__ == '__main__':
    main()
