"""Training steps and post-processing on a GPU: time, images per second, peak memory.

A step is the runner's: a batch from the host, forward pass, losses, backward pass, optimizer, and
the commit of Q. Crop and batch are those of EINet's presets for one of their GPUs; Panoptic-DeepLab
gets the same. The weights are untrained, the images noise, each with a grid of things. Times are
medians between the GPU's own events, after steps that are not counted, so waiting for the host is
in them. float32 is torch's, whose convolutions use TF32 where the GPU has it.

Post-processing gets made-up maps, as in benchmarks/post_processing.py. Beside it stands how long
the GPU would take to read these maps once, at the bandwidth of a large copy.

    python benchmarks/gpu.py [--cases r50_coco x71_coco] [--steps 20]

A row that does not fit says so. Without a GPU all runs on CPU cores at a small size, in seconds:
that shows that it runs, no more.
"""

import argparse
import gc
import statistics
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise, product
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import torch
from large_inputs import grid_of_things
from mmdet.registry import MODELS
from mmdet.utils import register_all_modules
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from post_processing import STUFF_AREA, THRESHOLD, make_outputs

from einet.functional.resize import Shapes
from einet.models.fusion import GROUPINGS, EmbeddingPanopticFusion
from einet.utils import enable_amp

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
GIB = 1 << 30


class Mode(NamedTuple):
    """How a step computes: AMP's type, None for float32, and whether it is compiled."""

    amp: str | None = None
    compile: bool = False


MODES = {
    'float32': Mode(),
    'AMP float16': Mode(amp='float16'),
    'AMP bfloat16': Mode(amp='bfloat16'),
    'float32 compiled': Mode(compile=True),
}
CPU_MODES = ('float32', 'AMP bfloat16')
# EINet's config, and its peer's in configs/panoptic_deeplab.
CASES = {
    'r50_coco': ('einet_r50_coco.py', 'panoptic-deeplab_r50_coco.py'),
    'x71_coco': ('einet_x71_coco.py', 'panoptic-deeplab_x71_coco.py'),
    'x71_cityscapes': ('einet_x71_cityscapes.py', 'panoptic-deeplab_x71_cityscapes.py'),
}
CPU_CASE = ('einet_tiny_shapes.py', 'panoptic-deeplab_tiny_shapes.py')
THINGS = 20  # in every image
WARM_UP = 3  # calls that are not counted


class Fused(NamedTuple):
    """Size of an image (height, width), that of the network's input, classes, instances."""

    size: tuple[int, int]
    padded: tuple[int, int]
    num_things: int
    num_stuff: int
    instances: tuple[int, ...]


FUSED = Fused((1025, 2049), (1040, 2064), 80, 53, (20, 100, 300))
CPU_FUSED = Fused((129, 257), (144, 272), 8, 11, (10,))


class Measured(NamedTuple):
    """Median seconds of a call, and the most bytes that the GPU held; 0 without one."""

    seconds: float
    peak: int


def measure(function: Callable[[], object], warm_up: int, repeats: int) -> Measured:
    """Time calls of a function."""
    for _ in range(warm_up):
        function()
    if not torch.cuda.is_available():
        stamps = [time.perf_counter()]
        for _ in range(repeats):
            function()
            stamps.append(time.perf_counter())
        return Measured(statistics.median(b - a for a, b in pairwise(stamps)), 0)
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    events = [torch.cuda.Event(enable_timing=True) for _ in range(repeats + 1)]
    events[0].record()
    for event in events[1:]:
        function()
        event.record()
    torch.cuda.synchronize()
    milliseconds = statistics.median(a.elapsed_time(b) for a, b in pairwise(events))
    return Measured(milliseconds / 1000, torch.cuda.max_memory_allocated())


def training_step(
    file: Path, mode: Mode, size: tuple[int, int], batch: int, device: str
) -> Callable[[], None]:
    """A step of a config's model and optimizer, to be called again and again."""
    config = Config.fromfile(file)
    config.model.backbone.init_cfg = None
    config.model.data_preprocessor.batch_augments = None
    config.model.compile = mode.compile
    if mode.amp is not None:
        enable_amp(config, mode.amp)
    torch.manual_seed(0)
    model = MODELS.build(config.model).to(device).train()
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    sample = grid_of_things(size, THINGS, model.num_things_classes, model.num_classes)
    images = torch.randint(0, 256, (batch, 3, *size), dtype=torch.uint8)
    data = dict(inputs=list(images), data_samples=[sample] * batch)

    def step() -> None:
        model.train_step(data, wrapper)
        if hasattr(model, 'interaction'):
            model.interaction.centers.commit()

    return step


def print_steps(
    configs: tuple[str, str],
    modes: list[str],
    size: tuple[int, int] | None,
    steps: int,
    device: str,
) -> None:
    """Rows of both configs, at EINet's crop (or `size`) and batch."""
    settings = Config.fromfile(CONFIGS / configs[0])
    size = size or settings.model.data_preprocessor.batch_augments[0]['size']
    batch = settings.train_dataloader.batch_size
    for file in (CONFIGS / configs[0], CONFIGS / 'panoptic_deeplab' / configs[1]):
        for mode in modes:
            try:
                step = training_step(file, MODES[mode], size, batch, device)
                seconds, peak = measure(step, WARM_UP, steps)
                memory = f'{peak / GIB:.2f} GiB' if peak else ''
                cells = f'{1000 * seconds:.1f} ms | {batch / seconds:.1f} | {memory}'
            except torch.cuda.OutOfMemoryError:
                cells = 'out of memory | |'
            step = None
            gc.collect()
            torch.cuda.empty_cache()
            if MODES[mode].compile:
                torch.compiler.reset()
            row = f'`{file.stem}` | {size[0]} x {size[1]} | {batch} | {mode}'
            print(f'| {row} | {cells} |', flush=True)


def bandwidth(device: str, size: int) -> float:
    """Bytes that the device reads and writes in a second, from copies of `size` bytes."""
    source, target = (torch.zeros(size, dtype=torch.uint8, device=device) for _ in range(2))
    return 2 * size / measure(lambda: target.copy_(source), WARM_UP, 10).seconds


def print_fusion(case: Fused, per_second: float, repeats: int, device: str) -> None:
    """A row for each number of instances and each way to group them."""
    shapes = Shapes(case.padded, case.size, case.size)
    for instances, grouping in product(case.instances, GROUPINGS):
        outputs = make_outputs(instances, case.padded, case.num_things, case.num_stuff)
        names = ('semantic_logits', 'heatmap_logits', 'instance_embedding')
        maps = SimpleNamespace(**{name: outputs[name].to(device) for name in names})
        fusion = EmbeddingPanopticFusion(
            case.num_things,
            case.num_stuff,
            peak_threshold=THRESHOLD,
            top_k=instances,
            stuff_area=STUFF_AREA,
            grouping=grouping,
        )
        found = len(fusion(maps, shapes).labels)
        seconds, peak = measure(partial(fusion, maps, shapes), WARM_UP, repeats)
        reading = sum(values.nbytes for values in vars(maps).values()) / per_second
        memory = f'{peak / GIB:.2f} GiB' if peak else ''
        print(
            f'| {grouping} | {found} | {1000 * seconds:.2f} ms | {1000 * reading:.3f} ms | '
            f'{seconds / reading:.0f} | {memory} |',
            flush=True,
        )


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--cases', nargs='+', choices=CASES, default=list(CASES))
    parser.add_argument('--steps', type=int, default=20, help='timed calls (%(default)s)')
    args = parser.parse_args()
    register_all_modules(init_default_scope=True)
    on_gpu = torch.cuda.is_available()
    device = 'cuda' if on_gpu else 'cpu'
    cases, modes, size, fused = [CASES[name] for name in args.cases], list(MODES), None, FUSED
    if on_gpu:
        print(f'{torch.cuda.get_device_name()}, torch {torch.__version__}')
    else:
        cases, modes, size, fused = [CPU_CASE], list(CPU_MODES), (64, 64), CPU_FUSED
        left_out = ', '.join([*args.cases, *(mode for mode in MODES if mode not in modes)])
        print(
            f'No GPU: the demo at {size[0]} x {size[1]} on CPU cores. Left out: {left_out}; peak '
            f'memory; post-processing at {FUSED.size[0]} x {FUSED.size[1]}'
        )
    print('\n| config | crop | batch | precision | step | images/s | peak memory |')
    print('|---|---|---|---|---|---|---|')
    for configs in cases:
        print_steps(configs, modes, size, args.steps, device)
    per_second = bandwidth(device, GIB if on_gpu else GIB // 64)
    print(
        f'\nPost-processing at {fused.size[0]} x {fused.size[1]}, '
        f'{fused.num_things + fused.num_stuff} classes; copies at {per_second / 1e9:.0f} GB/s\n\n'
        f'| grouping | instances | time | maps read once | ratio | peak memory |\n'
        f'|---|---|---|---|---|---|'
    )
    print_fusion(fused, per_second, args.steps, device)


if __name__ == '__main__':
    main()
