"""Training pipeline (load, resize, crop, flip, pack): ours beside mmdet's, one thread.

Both read the same street-like image of 2048 x 1024 with 50 instances and the same annotation, and
apply the same stock transforms with the same random numbers; only loading and packing differ. mmdet
carries a bitmap per instance, we carry one map of segment indices.

    python benchmarks/training_pipeline.py [--instances 50] [--repeats 10]
"""

import os

os.environ['OMP_NUM_THREADS'] = '1'

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from mmdet.datasets import CocoPanopticDataset
from mmdet.utils import register_all_modules

from einet.datasets import PanopticDataset

TARGET = 2.5
HEIGHT, WIDTH = 1024, 2048
THINGS, STUFF = ('car', 'person'), ('road', 'building', 'tree', 'sky')
LOADING = dict(
    ours=dict(type='LoadPanopticSegments'),
    mmdet=dict(type='LoadPanopticAnnotations'),
)
PACKING = dict(ours=dict(type='PackPanopticInputs'), mmdet=dict(type='PackDetInputs'))
GEOMETRY = [
    dict(type='RandomResize', scale=(WIDTH, HEIGHT), ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(WIDTH, HEIGHT), allow_negative_crop=True),
    dict(type='RandomFlip', prob=0.5),
]


def draw_annotation(rng: np.random.Generator, instances: int) -> tuple[np.ndarray, list[dict]]:
    """(H, W) ids and `segments_info`: bands of stuff with ragged borders, ellipses in front."""
    waves = np.cumsum(rng.normal(0, 2, WIDTH))
    band = (np.arange(HEIGHT)[:, None] + waves) * len(STUFF) / HEIGHT
    id_map = 1 + np.clip(band, 0, len(STUFF) - 1).astype(np.int32)
    for instance in range(instances):
        center = rng.uniform(0, 1, 2) * (WIDTH, HEIGHT)
        axes = np.exp(rng.uniform(np.log(20), np.log(250), 2))
        shape = (center, axes, rng.uniform(0, 180))
        cv2.ellipse(id_map, shape, 1000 + instance, -1)
    segments = []
    for segment_id in np.unique(id_map).tolist():
        y, x = np.nonzero(id_map == segment_id)
        left, top = int(x.min()), int(y.min())
        segments.append(
            dict(
                id=segment_id,
                category_id=segment_id + 10 if segment_id < 1000 else 1 + segment_id % len(THINGS),
                iscrowd=0,
                area=len(x),
                bbox=[left, top, int(x.max()) - left + 1, int(y.max()) - top + 1],
            )
        )
    return id_map, segments


def write_set(root: Path, instances: int) -> None:
    """One image with its annotation, in COCO's panoptic format."""
    rng = np.random.default_rng(0)
    id_map, segments = draw_annotation(rng, instances)
    coarse = rng.integers(0, 256, (32, 64, 3), np.uint8)
    cv2.imwrite(str(root / 'street.jpg'), cv2.resize(coarse, (WIDTH, HEIGHT)))
    channels = [id_map >> 16, id_map >> 8 & 255, id_map & 255]
    cv2.imwrite(str(root / 'street.png'), np.stack(channels, axis=-1).astype(np.uint8))
    names = [*enumerate(THINGS, start=1), *enumerate(STUFF, start=11)]
    content = dict(
        categories=[dict(id=i, name=name, isthing=int(name in THINGS)) for i, name in names],
        images=[dict(id=0, file_name='street.jpg', height=HEIGHT, width=WIDTH)],
        annotations=[dict(image_id=0, file_name='street.png', segments_info=segments)],
    )
    (root / 'panoptic.json').write_text(json.dumps(content))


def build(kind: str, root: Path) -> PanopticDataset | CocoPanopticDataset:
    """The set with one of the two pipelines."""
    metainfo = dict(classes=THINGS + STUFF, thing_classes=THINGS, stuff_classes=STUFF, palette=None)
    dataset = PanopticDataset if kind == 'ours' else CocoPanopticDataset
    return dataset(
        ann_file='panoptic.json',
        data_root=str(root),
        data_prefix=dict(img='', seg=''),
        metainfo=metainfo,
        pipeline=[dict(type='LoadImageFromFile'), LOADING[kind], *GEOMETRY, PACKING[kind]],
    )


def main() -> int:
    """Print both times and their ratio; exit status 1 below the target."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--instances', default=50, type=int)
    parser.add_argument('--repeats', default=10, type=int)
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    register_all_modules(init_default_scope=True)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_set(root, args.instances)
        datasets = {kind: build(kind, root) for kind in ('ours', 'mmdet')}
        times = {kind: [] for kind in datasets}
        for seed in range(args.repeats):
            for kind, dataset in datasets.items():
                np.random.seed(seed)
                start = time.perf_counter()
                sample = dataset[0]['data_samples']
                times[kind].append(time.perf_counter() - start)
                assert sample.gt_sem_seg.shape == sample.img_shape
    median = {kind: float(np.median(values)) for kind, values in times.items()}
    ratio = median['mmdet'] / median['ours']
    print(f'{WIDTH} x {HEIGHT}, {args.instances} instances, median of {args.repeats}')
    print(f'LoadPanopticSegments, PackPanopticInputs  {1e3 * median["ours"]:7.1f} ms')
    print(f'LoadPanopticAnnotations, PackDetInputs    {1e3 * median["mmdet"]:7.1f} ms')
    print(f'ratio                                     {ratio:7.2f} (target {TARGET:g})')
    return int(ratio < TARGET)


if __name__ == '__main__':
    sys.exit(main())
