"""Score a checkpoint on the test data of its config: on one CPU or GPU, or as one of several ranks.

python tools/test.py configs/einet_tiny_shapes.py work_dirs/demo/last.pth --show-dir images
"""

import argparse
import importlib.util
import sys
from pathlib import Path

if importlib.util.find_spec('einet') is None:
    sys.exit('einet is not installed in this environment: run `pip install -e .` in the project.')

from einet_tools.arguments import LAUNCHERS, add_common_arguments, add_trust_argument


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The options are those of mmdet's tools/test.py, and --data-root."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common_arguments(parser)
    add_trust_argument(parser)
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--work-dir', help='folder for the log with the scores')
    parser.add_argument(
        '--out', metavar='FILE.pkl', help='also write the predictions to a pickle file'
    )
    parser.add_argument(
        '--show-dir',
        help='also draw ground truth (left) and prediction (right) of every image; a relative '
        'folder is made inside <work dir>/<time stamp>/',
    )
    parser.add_argument(
        '--tta',
        action='store_true',
        help="test-time augmentation: merge views made by the config's tta_pipeline (docs/tta.md)",
    )
    parser.add_argument('--show', action='store_true', help='show them in a window')
    parser.add_argument(
        '--wait-time', type=float, default=2, help='seconds that --show waits (default 2)'
    )
    parser.add_argument('--launcher', choices=LAUNCHERS, default='none', help='job launcher')
    # torch.distributed.launch passes it with a hyphen, older versions with an underscore.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    args = parser.parse_args(argv)
    if args.out is not None and not args.out.endswith(('.pkl', '.pickle')):
        parser.error(f'--out {args.out}: the file must end in .pkl or .pickle')
    if '://' not in args.checkpoint and not Path(args.checkpoint).is_file():
        parser.error(f'there is no checkpoint {args.checkpoint}')
    return args


if __name__ == '__main__':
    # --help and mistakes are answered before the imports, which take seconds.
    parse_args()

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from einet.evaluation.score_table import score_table, select_scores, write_scores
from einet.structures.files import check_folder
from einet.utils import (
    check_testing,
    describe_run,
    enable_tta,
    leave_cpu_ranks,
    load_config,
    prepare_cpu_ranks,
)

# After einet, which keeps mmdet's notices off the screen.
# isort: split
from mmdet.engine.hooks.utils import trigger_visualization_hook
from mmdet.evaluation import DumpDetResults


def build_config(args: argparse.Namespace) -> Config:
    """The config of the run that the command line asks for."""
    config = load_config(args)
    config.load_from = args.checkpoint
    # The checkpoint to score is the one named, never a later one in the work dir.
    config.resume = False
    if args.tta:
        enable_tta(config)
    if args.show or args.show_dir:
        trigger_visualization_hook(config, args)
    prepare_cpu_ranks(config)
    return config


def report_scores(metrics: dict[str, float], log_dir: Path, args: argparse.Namespace) -> None:
    """Print the table of scores and save it with all metrics; nothing when none was measured."""
    if not metrics:
        return
    scores = select_scores(metrics)
    if scores:
        print(f'Scores (percent)\n{score_table(scores)}')
    path = log_dir / 'scores.json'
    write_scores(path, metrics, config=args.config, checkpoint=args.checkpoint)
    print(f'The scores are also in {path}')


def main(argv: list[str] | None = None) -> None:
    """Test."""
    args = parse_args(argv)
    try:
        config = build_config(args)
        check_testing(config)
        check_folder(config.work_dir, '--work-dir')
        if args.out is not None:
            check_folder(Path(args.out).parent, '--out')
        if args.show_dir is not None and Path(args.show_dir).is_absolute():
            check_folder(args.show_dir, '--show-dir')
    except (OSError, ValueError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
    runner = RUNNERS.build(config) if 'runner_type' in config else Runner.from_cfg(config)
    if args.out is not None:
        runner.test_evaluator.metrics.append(DumpDetResults(out_file_path=args.out))
    if is_main_process():
        runner.logger.info(describe_run(config, ['test']))
    metrics = runner.test()
    if is_main_process():
        report_scores(metrics, Path(runner.log_dir), args)
        print(f'Finished. Scores and log: {runner.log_dir}', flush=True)
        if args.show_dir:
            print(f'Images: {Path(runner.log_dir) / args.show_dir}', flush=True)
        failures = [
            f'{name}: {message}'
            for metric in runner.test_evaluator.metrics
            for name, message in getattr(metric, 'failures', {}).items()
        ]
        if failures:
            sys.exit('These could not be measured:\n' + '\n'.join(failures))


if __name__ == '__main__':
    main()
    leave_cpu_ranks()
