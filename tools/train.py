"""Train a model: on one CPU or GPU, or as one of several ranks (see dist_train.sh).

python tools/train.py configs/einet_tiny_shapes.py
python tools/train.py configs/einet_r18_nuclei.py --data-root data/nuclei --resume
"""

import argparse
import importlib.util
import sys
import time
from pathlib import Path

if importlib.util.find_spec('einet') is None:
    sys.exit('einet is not installed in this environment: run `pip install -e .` in the project.')

from einet_tools.arguments import LAUNCHERS, add_common_arguments, add_trust_argument


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The options are those of mmdet's tools/train.py, and --data-root."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common_arguments(parser)
    add_trust_argument(parser)
    parser.add_argument('--work-dir', help='folder for logs and checkpoints')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='go on from this checkpoint; without a value from the latest in the work dir, and '
        'when there is none, start as the config says (load_from)',
    )
    parser.add_argument(
        '--amp',
        nargs='?',
        const='float16',
        choices=('float16', 'bfloat16'),
        help='automatic mixed precision: in float16, which needs an accelerator, or bfloat16',
    )
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate with the batch size over all ranks',
    )
    parser.add_argument('--launcher', choices=LAUNCHERS, default='none', help='job launcher')
    # torch.distributed.launch passes it with a hyphen, older versions with an underscore.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    return parser.parse_args(argv)


if __name__ == '__main__':
    # --help and mistakes are answered before the imports, which take seconds.
    parse_args()

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from einet.structures.files import write_file
from einet.utils import (
    check_training,
    describe_run,
    describe_start,
    enable_amp,
    leave_cpu_ranks,
    load_config,
    prepare_cpu_ranks,
    resume_latest,
)
from einet.visualization import draw_curves, read_curves


def build_config(args: argparse.Namespace) -> Config:
    """The config of the run that the command line asks for."""
    config = load_config(args)
    if args.amp:
        enable_amp(config, args.amp)
    if args.auto_scale_lr:
        if 'base_batch_size' not in config.get('auto_scale_lr', {}):
            raise ValueError(
                f'--auto-scale-lr: {args.config} does not say for which batch size its learning '
                f'rate is meant; add auto_scale_lr = dict(base_batch_size=...)'
            )
        config.auto_scale_lr.enable = True
    if args.resume not in (None, 'auto'):
        config.resume = True
        config.load_from = args.resume
    elif args.resume == 'auto' or (config.get('resume') and not config.get('load_from')):
        resume_latest(config)
    prepare_cpu_ranks(config)
    return config


def draw_log(work_dir: Path) -> Path:
    """Draw losses and scores of all logs in a work dir; returns the drawing."""
    path = work_dir / 'curves.svg'
    write_file(path, draw_curves(*read_curves(work_dir)).encode())
    return path


def summarize(runner: Runner, seconds: float) -> str:
    """Where the results of a finished training are."""
    lines = [f'Finished {runner.iter} iterations in {seconds / 60:.1f} minutes.']
    infos = runner.message_hub.runtime_info
    if infos.get('best_ckpt'):
        lines.append(f'  best checkpoint: {infos["best_ckpt"]} (score {infos["best_score"]:.2f})')
    if infos.get('last_ckpt'):
        lines.append(f'  last checkpoint: {infos["last_ckpt"]}')
    lines.append(f'  logs: {runner.log_dir}')
    lines.append(f'  losses and scores: {draw_log(Path(runner.work_dir))}')
    return '\n'.join(lines)


def main(argv: list[str] | None = None) -> None:
    """Train."""
    args = parse_args(argv)
    try:
        config = build_config(args)
        warnings = check_training(config)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
    runner = RUNNERS.build(config) if 'runner_type' in config else Runner.from_cfg(config)
    for warning in warnings:
        runner.logger.warning(warning)
    if is_main_process():
        runner.logger.info(describe_run(config, ['train', 'val']))
    runner.logger.info(describe_start(config))
    start = time.monotonic()
    runner.train()
    if is_main_process():
        print(summarize(runner, time.monotonic() - start), flush=True)


if __name__ == '__main__':
    main()
    leave_cpu_ranks()
