"""Look at what the network is trained on, after augmentation.

For each image: the network's input; the panoptic target with a color per instance and a dot at
each centroid; what the semantic loss ignores (red) and what counts more (yellow); and the heatmap
of each thing class in the image. In windows, as files, or all on one sheet.

    python tools/analysis_tools/browse_dataset.py CONFIG --output-dir targets
    python tools/analysis_tools/browse_dataset.py CONFIG --sheet targets.png --num 6
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path
from typing import Any

if importlib.util.find_spec('einet') is None:
    sys.exit('einet is not installed in this environment: run `pip install -e .` in the project.')

from einet_tools.arguments import add_common_arguments

SPLITS = ('train', 'val', 'test')
COLUMNS = 4


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The options are those of mmdet's browse_dataset.py, and a few more."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common_arguments(parser)
    parser.add_argument('--output-dir', type=Path, help='folder for a PNG per image')
    parser.add_argument('--sheet', type=Path, metavar='FILE.png', help='one PNG of all images')
    parser.add_argument(
        '--not-show', action='store_true', help='open no windows; without a display none open'
    )
    parser.add_argument(
        '--show-interval', type=float, default=2, help='seconds that a window stays (2)'
    )
    parser.add_argument('--split', choices=SPLITS, default='train', help='which data (train)')
    parser.add_argument(
        '--num', type=int, default=12, help='images, spread evenly over the data (12); 0 = all'
    )
    parser.add_argument('--seed', type=int, default=0, help='of the augmentation (0)')
    parser.add_argument('--box', type=int, default=400, help='side of an image in pixels (400)')
    args = parser.parse_args(argv)
    if args.num < 0:
        parser.error(f'--num {args.num}: give 0 (all) or more')
    return args


if __name__ == '__main__':
    # --help and mistakes are answered before the imports, which take seconds.
    parse_args()

import matplotlib
import mmcv
import numpy as np
from mmengine.config import Config
from mmengine.dataset import BaseDataset, pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.utils import track_iter_progress
from mmengine.visualization import Visualizer
from torch import Tensor, nn

from einet.datasets.draws import seed_random_state
from einet.structures.files import check_file, check_folder
from einet.structures.limits import IGNORE_LABEL
from einet.utils import load_config
from einet.visualization import (
    SheetRow,
    check_ground_truth,
    compose_sheet,
    target_panels,
    wrapped_rows,
)

# After einet, which keeps mmdet's notices off the screen.
# isort: split
from mmdet.registry import DATASETS, MODELS

STRIDE = 4


def check_outputs(args: argparse.Namespace) -> bool:
    """Whether windows are shown; nothing at all to do is an error."""
    show = not args.not_show and matplotlib.get_backend().lower() != 'agg'
    if not show and args.output_dir is None and args.sheet is None:
        why = '--not-show' if args.not_show else 'there is no display'
        raise ValueError(f'{why}: give --output-dir FOLDER or --sheet FILE.png')
    if args.output_dir is not None:
        check_folder(args.output_dir, '--output-dir')
    if args.sheet is not None:
        check_file(args.sheet, '.png', '--sheet')
    return show


def build(config: Config, split: str) -> tuple[BaseDataset, nn.Module]:
    """Data of a split, and the model that makes targets of it; no weights are loaded."""
    loader = config.get(f'{split}_dataloader')
    if not loader:
        raise ValueError(f'{config.filename} has no {split}_dataloader')
    init_default_scope(config.get('default_scope', 'mmdet'))
    model = MODELS.build(config.model)
    if not hasattr(model, 'build_targets'):
        raise ValueError(
            f'{type(model).__name__} of {config.filename} has no build_targets: the targets of '
            f'EINet and PanopticDeepLab can be drawn'
        )
    dataset = DATASETS.build(loader.dataset)
    check_ground_truth(dataset, split)
    return dataset, model


def network_image(inputs: Tensor, preprocessor: nn.Module, is_rgb: bool) -> np.ndarray:
    """A normalized image (3, H, W) as it was before: (H, W, 3) uint8 RGB."""
    if hasattr(preprocessor, 'mean'):
        inputs = inputs * preprocessor.std + preprocessor.mean
    image = inputs.round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
    return np.ascontiguousarray(image if is_rgb else image[..., ::-1])


def draw_sample(
    model: nn.Module, sample: dict[str, Any], split: str, meta: dict[str, Any], box: int
) -> list[SheetRow]:
    """The rows of one image."""
    batch = model.data_preprocessor(pseudo_collate([sample]), split == 'train')
    data_sample = batch['data_samples'][0]
    height, width = batch['inputs'].shape[-2:]
    feature_size = (-(-height // STRIDE), -(-width // STRIDE))
    targets = model.build_targets([data_sample], feature_size)
    is_rgb = bool(model.cfg.model.get('data_preprocessor', {}).get('bgr_to_rgb'))
    panels = target_panels(
        network_image(batch['inputs'][0], model.data_preprocessor, is_rgb),
        data_sample.gt_panoptic_seg.sem_seg[0].numpy(),
        (targets.pixel_weights * (targets.sem_seg != IGNORE_LABEL))[0].numpy(),
        targets.heatmap[0].numpy(),
        meta,
        box,
    )
    name = data_sample.get('file_name') or Path(data_sample.img_path).name
    return wrapped_rows(f'{name}, {width} x {height} pixels', panels, COLUMNS)


def main(argv: list[str] | None = None) -> None:
    """Draw."""
    args = parse_args(argv)
    try:
        show = check_outputs(args)
        config = load_config(args)
        dataset, model = build(config, args.split)
    except (OSError, ValueError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
    model.cfg = config
    count = min(args.num or len(dataset), len(dataset))
    chosen = np.linspace(0, len(dataset) - 1, count).round().astype(int).tolist()
    sheet, visualizer = [], Visualizer() if show else None
    for index in track_iter_progress(chosen):
        seed_random_state(args.seed, index)
        sample = dataset[index]
        rows = draw_sample(model, sample, args.split, dataset.metainfo, args.box)
        sheet += rows if args.sheet else []
        if show or args.output_dir:
            drawn = compose_sheet([''] * COLUMNS, rows, args.box)
            if args.output_dir:
                name = f'{index:06d}_{Path(sample["data_samples"].img_path).stem}.png'
                mmcv.imwrite(drawn[..., ::-1], str(args.output_dir / name))
            if show:
                visualizer.show(drawn, rows[0].caption, args.show_interval)
    if args.output_dir:
        print(f'\nThe drawings are in {args.output_dir}')
    if args.sheet:
        heading = f'{Path(args.config).stem}, {args.split} data'
        drawn = compose_sheet([''] * COLUMNS, sheet, args.box, heading)
        mmcv.imwrite(drawn[..., ::-1], str(args.sheet))
        print(f'\nThe sheet is {args.sheet}')


if __name__ == '__main__':
    main()
