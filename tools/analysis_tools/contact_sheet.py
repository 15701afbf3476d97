"""Draw what a trained model does on a few images, all on one sheet.

One row per image: input, ground truth, prediction (a color per instance, the same in both where
it was found), centroid heatmap with the peaks that became instances ringed, and the instance
embedding as colors (its three principal components; instances should differ, stuff is dimmed), or
what the method has in its place: Panoptic-DeepLab's offsets.

    python tools/analysis_tools/contact_sheet.py CONFIG CHECKPOINT --out sheet.png --num 6
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from einet_tools.arguments import add_common_arguments, add_trust_argument


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common_arguments(parser)
    add_trust_argument(parser)
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--out', type=Path, default=Path('contact_sheet.png'), help='PNG to write')
    parser.add_argument(
        '--num', type=int, default=6, help='images, spread evenly over the data (default 6)'
    )
    parser.add_argument(
        '--split', choices=('val', 'test'), default='val', help='which data (default val)'
    )
    parser.add_argument('--box', type=int, default=400, help='side of an image in pixels')
    parser.add_argument('--device', help='for example cpu or cuda:0; default: what is there')
    args = parser.parse_args(argv)
    if args.num < 1:
        parser.error(f'--num {args.num}: at least one image is needed')
    if not Path(args.checkpoint).is_file():
        parser.error(f'there is no checkpoint {args.checkpoint}')
    return args


if __name__ == '__main__':
    # --help and mistakes are answered before the imports, which take seconds.
    parse_args()

import mmcv
import numpy as np
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.device import get_device
from mmengine.registry import init_default_scope
from mmengine.utils import track_iter_progress
from torch import nn

from einet.evaluation.classes import PanopticClasses
from einet.evaluation.measures.pq import PQMeasure, class_quality, mean_quality, sum_statistics
from einet.evaluation.sample import EvaluatedSample
from einet.structures.files import check_file
from einet.utils import load_config
from einet.visualization import (
    PANEL_TITLES,
    SheetRow,
    check_ground_truth,
    compose_sheet,
    ground_truth,
    model_panels,
    run_network,
)

# After einet, which keeps mmdet's notices off the screen.
# isort: split
from mmdet.apis import init_detector
from mmdet.registry import DATASETS
from mmdet.structures import DetDataSample


def build_dataset(config: Config, split: str) -> BaseDataset:
    """The data of a split, as the model is tested on it."""
    init_default_scope(config.get('default_scope', 'mmdet'))
    return DATASETS.build(config[f'{split}_dataloader'].dataset)


def score(sample: DetDataSample, meta: dict[str, Any]) -> str:
    """PQ of one image at its original size, and how many of its instances were found, in words."""
    classes = PanopticClasses.from_metainfo(meta)
    counted = PQMeasure().measure(EvaluatedSample(sample.to_dict(), classes))
    total = sum_statistics([counted], len(classes))
    pq = mean_quality(class_quality(total), range(len(classes)))[0].pq
    found, missed = (int(n[list(classes.thing_labels)].sum()) for n in (total.tp, total.fn))
    return f'PQ {100 * pq:.1f}, {found} of {found + missed} instances found'


def draw_row(
    model: nn.Module, dataset: BaseDataset, index: int, meta: dict[str, Any], box: int
) -> SheetRow:
    """One image's row."""
    view = run_network(model, dataset[index])
    sample = view.sample
    image = mmcv.imread(sample.img_path, channel_order='rgb')
    images = model_panels(
        image,
        ground_truth(sample, image),
        sample.pred_panoptic_seg.sem_seg[0].numpy(),
        view.heatmap,
        view.embedding,
        sample.pred_instances.centroids.numpy(),
        meta,
        box,
    )
    name = sample.get('file_name') or Path(sample.img_path).name
    return SheetRow(f'{name}:  {score(sample, meta)}', images)


def main(argv: list[str] | None = None) -> None:
    """Draw the sheet."""
    args = parse_args(argv)
    try:
        check_file(args.out, '.png', '--out')
        config = load_config(args)
        dataset = build_dataset(config, args.split)
        check_ground_truth(dataset, args.split)
        model = init_detector(config, args.checkpoint, device=args.device or get_device())
    except (OSError, ValueError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
    chosen = np.linspace(0, len(dataset) - 1, min(args.num, len(dataset))).round().astype(int)
    rows = [
        draw_row(model, dataset, index, dataset.metainfo, args.box)
        for index in track_iter_progress(chosen.tolist())
    ]
    heading = f'{Path(args.config).stem}, {Path(args.checkpoint).name}'
    mmcv.imwrite(compose_sheet(PANEL_TITLES, rows, args.box, heading)[..., ::-1], str(args.out))
    print(f'\nThe contact sheet is {args.out}')


if __name__ == '__main__':
    main()
