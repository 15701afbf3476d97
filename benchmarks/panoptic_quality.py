"""PQ per image: ``PanopticQualityMetric`` beside mmdet's ``CocoPanopticMetric``, one thread.

Both read the same ground truth, get the same predictions (the ground truth, shifted, with instances
cut in two), and must agree on PQ. The set needs COCO's layout and categories.

    python benchmarks/panoptic_quality.py [data/coco_sample] [--split val2017] [--repeats 10]
"""

import os

os.environ['OMP_NUM_THREADS'] = '1'

import argparse
import math
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from mmdet.datasets import CocoPanopticDataset
from mmdet.evaluation import CocoPanopticMetric
from mmdet.utils import register_all_modules
from mmengine.evaluator import BaseMetric

from einet.evaluation import PanopticQualityMetric
from einet.structures.id_map import read_id_map
from einet.structures.limits import INSTANCE_OFFSET

TARGET = 5.0


def spoiled(gt_map: np.ndarray, segments: list[dict], metainfo: dict) -> torch.Tensor:
    """Prediction with false, missed and inexact segments: (1, H, W) int32, mmdet's encoding."""
    pred = np.full(gt_map.shape, len(metainfo['classes']), np.int32)
    for instance, segment in enumerate(segments, 1):
        name = metainfo['classes'][segment['category']]
        number = instance if name in metainfo['thing_classes'] else 0
        pred[gt_map == segment['id']] = segment['category'] + INSTANCE_OFFSET * number
    right = np.arange(pred.shape[1]) > 0.6 * pred.shape[1]
    pred[(pred >= INSTANCE_OFFSET) & right] += INSTANCE_OFFSET * len(segments)
    return torch.from_numpy(np.roll(pred, (2, 3), axis=(0, 1)))[None]


def predictions(dataset: CocoPanopticDataset) -> list[dict]:
    """Samples as a model would hand them to a metric."""
    samples = []
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        info['ori_shape'] = (info['height'], info['width'])
        gt_map = read_id_map(info['seg_map_path'])
        sem_seg = spoiled(gt_map, info['segments_info'], dataset.metainfo)
        samples.append(info | dict(pred_panoptic_seg=dict(sem_seg=sem_seg)))
    return samples


def measure(metric: BaseMetric, samples: list[dict]) -> tuple[np.ndarray, float]:
    """CPU milliseconds of each image and of the final summary, (N + 1,), and PQ."""
    # CocoPanopticMetric overwrites the prediction, so each run gets its own.
    copies = [
        sample
        | dict(pred_panoptic_seg=dict(sem_seg=sample['pred_panoptic_seg']['sem_seg'].clone()))
        for sample in samples
    ]
    clock = [time.process_time()]
    for sample in copies:
        metric.process({}, [sample])
        clock.append(time.process_time())
    results = metric.evaluate(len(copies))
    clock.append(time.process_time())
    return 1e3 * np.diff(clock), results[f'{metric.prefix}/PQ']


def main() -> int:
    """Print both times and their ratio; exit status 1 below the target."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('data_root', nargs='?', default='data/coco_sample', type=Path)
    parser.add_argument('--split', default='val2017')
    parser.add_argument('--repeats', default=10, type=int)
    args = parser.parse_args()
    annotations = args.data_root / 'annotations' / f'panoptic_{args.split}'
    if not annotations.is_dir():
        parser.error(f'{annotations} is no folder; give the root of a set in COCO layout')
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    register_all_modules(init_default_scope=True)

    ann_file = str(annotations.with_suffix('.json'))
    dataset = CocoPanopticDataset(
        ann_file=ann_file,
        data_prefix=dict(img=str(args.data_root / args.split), seg=str(annotations)),
        test_mode=True,
        pipeline=[],
    )
    samples = predictions(dataset)
    metrics = dict(
        ours=PanopticQualityMetric(),
        mmdet=CocoPanopticMetric(ann_file=ann_file, seg_prefix=str(annotations)),
    )
    # CPU time, and the best of each image: other work on the machine must not decide.
    times, quality = {name: np.full(len(samples) + 1, np.inf) for name in metrics}, {}
    for _ in range(args.repeats):
        for name, metric in metrics.items():
            metric.dataset_meta = dataset.metainfo
            milliseconds, quality[name] = measure(metric, samples)
            times[name] = np.minimum(times[name], milliseconds)
    if not math.isclose(quality['ours'], quality['mmdet'], abs_tol=1e-9):
        raise AssertionError(f'the metrics disagree: {quality}')

    times = {name: best.sum() / len(samples) for name, best in times.items()}
    height, width = np.mean([sample['ori_shape'] for sample in samples], axis=0)
    ratio = times['mmdet'] / times['ours']
    print(f'{len(samples)} images of about {width:.0f} x {height:.0f}, PQ {quality["ours"]:.2f}')
    print(f'PanopticQualityMetric  {times["ours"]:7.2f} CPU ms per image (best of {args.repeats})')
    print(f'CocoPanopticMetric     {times["mmdet"]:7.2f} CPU ms per image')
    print(f'ratio                  {ratio:7.2f} (target {TARGET:g})')
    return int(ratio < TARGET)


if __name__ == '__main__':
    sys.exit(main())
