"""PQ, AP and mIoU per image: ``PanopticMetric`` beside mmdet's and mmseg's metrics, one thread.

All get the same predictions: the ground truth, shifted, with instances cut in two. Ours takes them
as a panoptic map, a map of labels and the instances' ids, and reads each ground-truth PNG once. Of
the peers ``CocoPanopticMetric`` (PQ) reads it too; ``CocoMetric`` (AP, by pycocotools) has read the
masks of the ground truth and gets those predicted as bitmaps; ``IoUMetric`` (mIoU) has its ground
truth in memory. They must agree on all three values.

Two sets: one in COCO's layout, of about 320 px, and a street of 1024 x 2048 with 100 instances. A
row for hotcoco is there where that package is installed.

    python benchmarks/metric.py [data/coco_sample] [--split val2017] [--repeats 10]
"""

import os

os.environ['OMP_NUM_THREADS'] = os.environ['RAYON_NUM_THREADS'] = '1'

import argparse
import contextlib
import importlib.util
import io
import json
import statistics
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
import torch
from mmdet.datasets import CocoPanopticDataset
from mmdet.evaluation import CocoMetric, CocoPanopticMetric
from mmdet.utils import register_all_modules
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmseg.evaluation import IoUMetric
from training_pipeline import STUFF, THINGS, write_set

from einet.evaluation import PanopticMetric
from einet.evaluation.instance_masks import encode_segments, mask_areas
from einet.structures.id_map import read_id_map
from einet.structures.limits import IGNORE_LABEL, INSTANCE_OFFSET

NAMES = ('PQ', 'AP', 'mIoU')
KEYS = dict(
    PQ=('panoptic/PQ', 'coco_panoptic/PQ', 1),
    AP=('panoptic/AP', 'coco/segm_mAP', 100),
    mIoU=('panoptic/mIoU', 'mIoU', 1),
)
INSTANCES = 100


def spoiled(gt_map: np.ndarray, segments: list[dict], metainfo: dict) -> np.ndarray:
    """Prediction with false, missed and inexact segments: (H, W) int32, mmdet's encoding."""
    pred = np.full(gt_map.shape, len(metainfo['classes']), np.int32)
    for instance, segment in enumerate(segments, 1):
        name = metainfo['classes'][segment['category']]
        number = instance if name in metainfo['thing_classes'] else 0
        pred[gt_map == segment['id']] = segment['category'] + INSTANCE_OFFSET * number
    right = np.arange(pred.shape[1]) > 0.6 * pred.shape[1]
    pred[(pred >= INSTANCE_OFFSET) & right] += INSTANCE_OFFSET * len(segments)
    return np.roll(pred, (2, 3), axis=(0, 1))


def make_samples(dataset: CocoPanopticDataset) -> list[dict]:
    """Samples with all that ours and the peers read."""
    samples, generator = [], torch.Generator().manual_seed(0)
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        gt_map = read_id_map(info['seg_map_path'])
        gt_labels = np.full(gt_map.shape, IGNORE_LABEL, np.int64)
        for segment in info['segments_info']:
            if not is_crowd(segment, dataset.metainfo):
                gt_labels[gt_map == segment['id']] = segment['category']
        panoptic = torch.from_numpy(spoiled(gt_map, info['segments_info'], dataset.metainfo))
        ids = panoptic[panoptic >= INSTANCE_OFFSET].unique().long()
        labels = (panoptic % INSTANCE_OFFSET).clamp(max=len(dataset.metainfo['classes']) - 1).long()
        info |= dict(
            ori_shape=gt_map.shape,
            gt_sem_seg=dict(data=torch.from_numpy(gt_labels)[None]),
            pred_panoptic_seg=dict(sem_seg=panoptic[None]),
            pred_sem_seg=dict(sem_seg=labels[None], data=labels[None]),
            pred_instances=dict(
                labels=ids % INSTANCE_OFFSET,
                scores=torch.rand(len(ids), generator=generator),
                panoptic_ids=ids,
                masks=panoptic == ids[:, None, None],
                bboxes=torch.zeros(len(ids), 4),
            ),
        )
        samples.append(info)
    return samples


def is_crowd(segment: dict, metainfo: dict) -> bool:
    """As mmdet's data set marks it: a segment of a thing class that is no thing."""
    is_thing_class = metainfo['classes'][segment['category']] in metainfo['thing_classes']
    return is_thing_class and not segment['is_thing']


def write_instances(path: Path, samples: list[dict], metainfo: dict) -> None:
    """The ground truth's things in COCO's format."""
    annotations = []
    for sample in samples:
        segments = [
            segment
            for segment in sample['segments_info']
            if metainfo['classes'][segment['category']] in metainfo['thing_classes']
        ]
        ids = [segment['id'] for segment in segments]
        masks = encode_segments(read_id_map(sample['seg_map_path']), ids)
        for segment, mask, area in zip(segments, masks, mask_areas(masks).tolist(), strict=True):
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    image_id=sample['img_id'],
                    category_id=segment['category'],
                    segmentation=mask | dict(counts=mask['counts'].decode()),
                    area=area,
                    iscrowd=int(is_crowd(segment, metainfo)),
                )
            )
    images = [
        dict(id=sample['img_id'], height=sample['ori_shape'][0], width=sample['ori_shape'][1])
        for sample in samples
    ]
    categories = [
        dict(id=label, name=name)
        for label, name in enumerate(metainfo['classes'])
        if name in metainfo['thing_classes']
    ]
    content = dict(images=images, annotations=annotations, categories=categories)
    path.write_text(json.dumps(content))


def run(metric: BaseMetric, samples: list[dict]) -> tuple[float, dict[str, float]]:
    """CPU milliseconds per image, the final summary included, and the values."""
    # CocoPanopticMetric overwrites the prediction, so each run gets its own.
    copies = [
        sample
        | dict(pred_panoptic_seg=dict(sem_seg=sample['pred_panoptic_seg']['sem_seg'].clone()))
        for sample in samples
    ]
    start = time.process_time()
    for sample in copies:
        metric.process({}, [sample])
    values = metric.evaluate(len(copies))
    return 1e3 * (time.process_time() - start) / len(copies), values


def make_metrics(
    annotations: Path, segments: Path, instances: Path
) -> dict[tuple[str, str], BaseMetric]:
    """Ours and the peers' by row and column of the table."""
    metrics: dict[tuple[str, str], BaseMetric] = {
        ('peers', 'PQ'): CocoPanopticMetric(ann_file=str(annotations), seg_prefix=str(segments)),
        ('peers', 'AP'): CocoMetric(ann_file=str(instances), metric='segm'),
        ('peers', 'mIoU'): IoUMetric(),
    }
    for name in (*NAMES, 'all'):
        measured = list(NAMES) if name == 'all' else name
        metrics['ours', name] = PanopticMetric(measured)
        metrics['ours, ground truth read', name] = PanopticMetric(measured)
        if importlib.util.find_spec('hotcoco') and name in ('AP', 'all'):
            metrics['ours, hotcoco', name] = PanopticMetric(measured, ap_engine='hotcoco')
    return metrics


def measure_set(annotations: Path, segments: Path, repeats: int, **metainfo: object) -> None:
    """Print the table of one set.

    Args:
        annotations: JSON in COCO's panoptic format.
        segments: Folder of its PNGs.
        repeats: Runs of every metric; they alternate.
        **metainfo: Classes, where they are not COCO's.
    """
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        dataset = CocoPanopticDataset(
            ann_file=str(annotations),
            data_prefix=dict(img='', seg=str(segments)),  # images are not read
            metainfo=metainfo,
            test_mode=True,
            pipeline=[],
        )
        samples = make_samples(dataset)
        instances = Path(folder) / 'instances.json'
        write_instances(instances, samples, dataset.metainfo)
        metrics = make_metrics(annotations, segments, instances)
        times, values = run_all(metrics, samples, dataset.metainfo, repeats)
    check_values(values)
    height, width = np.mean([sample['ori_shape'] for sample in samples], axis=0)
    count = np.mean([len(sample['pred_instances']['labels']) for sample in samples])
    print(f'\n{len(samples)} images of about {width:.0f} x {height:.0f}, {count:.0f} instances')
    print(', '.join(f'{name} {values["ours"][KEYS[name][0]]:.2f}' for name in NAMES))
    print_table({key: statistics.median(values) for key, values in times.items()})


def run_all(
    metrics: dict[tuple[str, str], BaseMetric], samples: list[dict], metainfo: dict, repeats: int
) -> tuple[dict[tuple[str, str], list[float]], dict[str, dict[str, float]]]:
    """CPU milliseconds of each run by row and column, and the values by row."""
    in_memory = {path: read_id_map(path) for path in {s['seg_map_path'] for s in samples}}
    times: dict[tuple[str, str], list[float]] = {key: [] for key in metrics}
    values: dict[str, dict[str, float]] = {}
    for _ in range(repeats):
        for (row, column), metric in metrics.items():
            metric.dataset_meta = metainfo
            is_read = row == 'ours, ground truth read'
            reader = (lambda path, _: in_memory[path]) if is_read else read_id_map
            with patch('einet.evaluation.sample.read_id_map', reader):
                milliseconds, result = run(metric, samples)
            times[row, column].append(milliseconds)
            values.setdefault(row, {}).update(result)
    return times, values


def check_values(values: dict[str, dict[str, float]]) -> None:
    """The peers' values are ours; mmdet rounds AP to 3 digits, mmseg percent to 2."""
    for ours, theirs, factor in KEYS.values():
        expected = factor * values['peers'][theirs]
        for row in values.keys() - {'peers'}:
            if ours in values[row] and abs(values[row][ours] - expected) > 0.051:
                raise AssertionError(f'{ours} is {values[row][ours]} ({row}), peers: {expected}')


def print_table(medians: dict[tuple[str, str], float]) -> None:
    """CPU milliseconds per image, and how often ours goes into the peers'."""
    medians['peers', 'all'] = sum(medians['peers', name] for name in NAMES)
    columns = (*NAMES, 'all')
    print(f'{"CPU ms per image":26}' + ''.join(f'{name:>17}' for name in columns))
    for row in dict.fromkeys(row for row, _ in medians):
        line = f'{row:26}'
        for column in columns:
            value = medians.get((row, column))
            cell = '' if value is None else f'{value:.2f}'
            ratio = '' if value is None else f' ({medians["peers", column] / value:.1f} x)'
            line += f'{cell:>8}{ratio:>9}'
        print(line)


def main() -> None:
    """Print a table for each set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('data_root', nargs='?', default='data/coco_sample', type=Path)
    parser.add_argument('--split', default='val2017')
    parser.add_argument('--repeats', default=10, type=int)
    args = parser.parse_args()
    annotations = args.data_root / 'annotations' / f'panoptic_{args.split}.json'
    if not annotations.is_file():
        parser.error(f'{annotations} is no file; give the root of a set in COCO layout')
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    register_all_modules(init_default_scope=True)
    MMLogger.get_current_instance().setLevel('ERROR')

    measure_set(annotations, annotations.with_suffix(''), args.repeats)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_set(root, INSTANCES)
        classes = dict(classes=THINGS + STUFF, thing_classes=THINGS, stuff_classes=STUFF)
        measure_set(root / 'panoptic.json', root, args.repeats, **classes)


if __name__ == '__main__':
    main()
