"""Draw what the semantic centers Q of a checkpoint have become, beside the pixels' embeddings.

Left, the directions of the semantic embedding at pixels of some images, one color per class, with
the classes' centers; right, the cosine between every two centers. Centers of two classes that lie
on one spot, with a cosine near 1, cannot tell these classes apart. Printed is how long S and Q are,
and how many centers of things the classifier takes for their own class.

    python tools/analysis_tools/plot_centers.py CONFIG CHECKPOINT --out centers.png
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from einet_tools.arguments import add_common_arguments, add_trust_argument


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common_arguments(parser)
    add_trust_argument(parser)
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--out', type=Path, default=Path('centers.png'), help='PNG to write')
    parser.add_argument(
        '--num', type=int, default=20, help='images, spread evenly over the data (default 20)'
    )
    parser.add_argument(
        '--pixels', type=int, default=5000, help='pixels to draw, picked at random (default 5000)'
    )
    parser.add_argument(
        '--split', choices=('val', 'test'), default='val', help='which data (default val)'
    )
    parser.add_argument('--device', help='for example cpu or cuda:0; default: what is there')
    args = parser.parse_args(argv)
    for option in ('num', 'pixels'):
        if getattr(args, option) < 1:
            parser.error(f'--{option} {getattr(args, option)}: at least one is needed')
    if not Path(args.checkpoint).is_file():
        parser.error(f'there is no checkpoint {args.checkpoint}')
    return args


if __name__ == '__main__':
    # --help and mistakes are answered before the imports, which take seconds.
    parse_args()

import mmcv
import numpy as np
import torch
from mmengine.dataset import BaseDataset, pseudo_collate
from mmengine.device import get_device
from mmengine.registry import init_default_scope
from mmengine.utils import track_iter_progress
from torch import nn

from einet.models.coarse_maps import nearest
from einet.structures.files import check_file
from einet.utils import load_config
from einet.visualization import check_ground_truth, plot_centers

# After einet, which keeps mmdet's notices off the screen.
# isort: split
from mmdet.apis import init_detector
from mmdet.registry import DATASETS
from mmdet.visualization import get_palette


@torch.no_grad()
def labeled_pixels(
    model: nn.Module, dataset: BaseDataset, index: int
) -> tuple[np.ndarray, np.ndarray]:
    """S (N, D) and label (N,) of the cells of an image that have one."""
    batch = model.data_preprocessor(pseudo_collate([dataset[index]]), False)
    embedding = model(**batch, mode='tensor').semantic_embedding[0]
    sem_seg = batch['data_samples'][0].gt_sem_seg.sem_seg[0]
    labels = nearest(sem_seg, tuple(embedding.shape[-2:]))
    known = labels < model.num_classes
    return embedding[:, known].t().float().cpu().numpy(), labels[known].long().cpu().numpy()


@torch.no_grad()
def named_centers(model: nn.Module) -> tuple[int, int]:
    """How many centers of things the classifier takes for their own class, and of how many."""
    centers = model.interaction.centers
    labels = centers.seen[: model.num_things_classes].nonzero().flatten()
    shown = model.interaction.thing_centers(centers.centers[None])
    named = model.semantic_head.classify_centers(shown)[0, labels].argmax(1)
    return int((named == labels).sum()), len(labels)


def main(argv: list[str] | None = None) -> None:
    """Run the network over the images, and draw."""
    args = parse_args(argv)
    try:
        check_file(args.out, '.png', '--out')
        config = load_config(args)
        init_default_scope(config.get('default_scope', 'mmdet'))
        dataset = DATASETS.build(config[f'{args.split}_dataloader'].dataset)
        check_ground_truth(dataset, args.split)
        model = init_detector(config, args.checkpoint, device=args.device or get_device())
        if not hasattr(model, 'interaction'):
            raise ValueError(f'{type(model).__name__} has no semantic centers to draw')
    except (OSError, ValueError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
    chosen = np.linspace(0, len(dataset) - 1, min(args.num, len(dataset))).round().astype(int)
    images = [
        labeled_pixels(model, dataset, index) for index in track_iter_progress(chosen.tolist())
    ]
    pixels, labels = (np.concatenate(values) for values in zip(*images, strict=True))
    if len(labels) < 2:
        sys.exit('ValueError: these images have no labeled pixels; take more of them with --num')
    picked = np.random.default_rng(0).permutation(len(labels))[: args.pixels]
    classes, centers = dataset.metainfo['classes'], model.interaction.centers
    picture = plot_centers(
        pixels[picked],
        labels[picked],
        centers.centers.cpu().numpy(),
        centers.seen.cpu().numpy(),
        classes,
        get_palette(dataset.metainfo.get('palette'), len(classes)),
        f'{Path(args.config).stem}, {Path(args.checkpoint).name}',
    )
    mmcv.imwrite(picture[..., ::-1], str(args.out))
    print()
    if centers.seen[: model.num_things_classes].any():
        length = float(np.median(np.linalg.norm(pixels, axis=1)))
        lengths = centers.centers[centers.seen].norm(dim=1)
        named, count = named_centers(model)
        print(
            f'Lengths: S {length:.1f} (median), Q {lengths.min():.2f} to {lengths.max():.2f}. Of '
            f'{count} centers of things the classifier names {named} rightly'
        )
    print(f'The figure is {args.out}')


if __name__ == '__main__':
    main()
