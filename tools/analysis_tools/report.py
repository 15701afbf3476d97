"""Report what a checkpoint gets right and wrong, as a folder that a browser opens from disk.

Summary, scores by class and by size, what is confused with what, the training's curves, and all
images, worst first, in layers: ground truth, prediction, errors, heatmap, embedding.

    python tools/analysis_tools/report.py CONFIG CHECKPOINT --out-dir report
    python tools/analysis_tools/report.py CONFIG CHECKPOINT --against OTHER_CHECKPOINT
"""

from __future__ import annotations

import argparse
import copy
import importlib.util
import sys
from pathlib import Path

if importlib.util.find_spec('einet') is None:
    sys.exit('einet is not installed in this environment: run `pip install -e .` in the project.')

from einet_tools.arguments import add_common_arguments, add_trust_argument


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common_arguments(parser)
    add_trust_argument(parser)
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--against', metavar='CHECKPOINT', help='another of the same config, to compare with'
    )
    parser.add_argument(
        '--out-dir', type=Path, default=Path('report'), help='folder to write (report)'
    )
    parser.add_argument(
        '--split', choices=('train', 'val', 'test'), default='val', help='which data (val)'
    )
    parser.add_argument(
        '--num', type=int, default=0, help='images, spread evenly over the data; 0 = all (default)'
    )
    parser.add_argument(
        '--box', type=int, default=640, help='longer side of an image in pixels (640)'
    )
    parser.add_argument('--device', help='for example cpu or cuda:0; default: what is there')
    args = parser.parse_args(argv)
    if args.num < 0:
        parser.error(f'--num {args.num}: give 0 (all) or more')
    for checkpoint in filter(None, (args.checkpoint, args.against)):
        if not Path(checkpoint).is_file():
            parser.error(f'there is no checkpoint {checkpoint}')
    return args


if __name__ == '__main__':
    # --help and mistakes are answered before the imports, which take seconds.
    parse_args()

import numpy as np
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.device import get_device
from mmengine.registry import init_default_scope
from mmengine.utils import track_iter_progress

from einet.datasets.validation.sources import plain_datasets
from einet.deployment.weights import load_trained
from einet.report import RUNS, ReportBuilder
from einet.structures.files import check_folder
from einet.utils import load_config
from einet.visualization import check_ground_truth, draw_curves, read_curves

# After einet, which keeps mmdet's notices off the screen.
# isort: split
from mmdet.registry import DATASETS


def build_dataset(config: Config, split: str) -> BaseDataset:
    """The data of a split, as the model is tested on it."""
    init_default_scope(config.get('default_scope', 'mmdet'))
    settings = copy.deepcopy(config[f'{split}_dataloader'].dataset)
    if split == 'train':
        # Training images as they are, without augmentation.
        (pipeline, *_) = (s.pipeline for s in plain_datasets(config.val_dataloader.dataset))
        for plain in plain_datasets(settings):
            plain['pipeline'] = pipeline
    dataset = DATASETS.build(settings)
    check_ground_truth(dataset, split)
    return dataset


def main(argv: list[str] | None = None) -> None:
    """Write the report."""
    args = parse_args(argv)
    checkpoints = [args.checkpoint, *([args.against] if args.against else [])]
    try:
        config = load_config(args)
        check_folder(args.out_dir, '--out-dir')
        dataset = build_dataset(config, args.split)
        device = args.device or get_device()
        models = [load_trained(config, path).to(device) for path in checkpoints]
    except (OSError, ValueError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
    curves = {
        run: draw_curves(*read)
        for run, path in zip(RUNS, checkpoints, strict=False)
        if any(read := read_curves(Path(path).parent))
    }
    builder = ReportBuilder(args.out_dir, dataset, models, args.box)
    count = min(args.num or len(dataset), len(dataset))
    chosen = np.linspace(0, len(dataset) - 1, count).round().astype(int)
    for index in track_iter_progress(chosen.tolist()):
        builder.add(index)
    page = builder.finish(
        title=f'{Path(args.config).stem}, {args.split} data',
        runs=dict(zip(RUNS, checkpoints, strict=False)),
        curves=curves,
    )
    print(f'\nThe report is {page}')


if __name__ == '__main__':
    main()
