"""IoU by hand; and on real annotations the values of mmdet's and mmseg's metrics."""

import cv2
import numpy as np
import pytest
import torch
from mmdet.evaluation import SemSegMetric
from mmseg.evaluation import IoUMetric

from einet.evaluation import PanopticMetric
from einet.evaluation.measures.iou import (
    iou_statistics,
    mean_of_present,
    semantic_quality,
    sum_iou_statistics,
)
from einet.structures.id_map import read_id_map
from einet.structures.segments import GroundTruthSegments

# Class 0: ids 4 (crowd) and 5; class 1: id 8; void: 0.
SEGMENTS = GroundTruthSegments(np.array([8, 4, 5]), np.array([1, 0, 0]), np.array([0, 1, 0], bool))
GT = np.array([[8, 8, 8, 5], [4, 4, 0, 5]])
PRED = np.array([[1, 2, 0, 0], [0, 1, 1, 0]], np.uint8)


def count(ignore_crowd, pred=PRED, gt=GT):
    return [v.tolist() for v in iou_statistics(gt, SEGMENTS, pred, 4, ignore_crowd)]


def test_crowd_and_void_do_not_count():
    # Of six pixels: 8 8 8 5 5 against 1 2 0 0 0.
    assert count(True) == [[0, 1, 2], [2, 1, 0], [3, 1, 1], [2, 3, 0]]


def test_crowd_counts_as_its_class():
    assert count(False) == [[0, 1, 2], [3, 1, 0], [4, 2, 1], [4, 3, 0]]


def test_quality_by_hand():
    total = sum_iou_statistics(
        [iou_statistics(GT, SEGMENTS, PRED, 4, ignore) for ignore in (True, False)], 4
    )
    quality = semantic_quality(total)
    # Intersection 5, 2, 0; predicted 7, 3, 2; annotated 6, 6, 0; class 3 is nowhere.
    np.testing.assert_allclose(quality.iou, [5 / 8, 2 / 7, 0, np.nan])
    np.testing.assert_allclose(quality.accuracy, [5 / 6, 2 / 6, np.nan, np.nan])
    assert quality.pixel_accuracy == pytest.approx(7 / 12)
    assert mean_of_present(quality.iou) == pytest.approx((5 / 8 + 2 / 7) / 3)


def test_all_void():
    statistics = iou_statistics(np.zeros((2, 4), int), SEGMENTS, PRED, 4, True)
    quality = semantic_quality(sum_iou_statistics([statistics], 4))
    assert len(statistics.labels) == 0
    assert np.isnan(quality.pixel_accuracy) and np.isnan(mean_of_present(quality.iou))


def test_no_image():
    assert np.isnan(semantic_quality(sum_iou_statistics([], 3)).iou).all()


def test_label_outside_the_classes():
    with pytest.raises(ValueError, match='label 9; labels are 0 to 3'):
        count(True, np.full_like(PRED, 9))


def test_other_size():
    with pytest.raises(ValueError, match=r'\(4, 2\).*\(2, 4\)'):
        count(True, PRED.T)


def test_id_that_the_annotation_lacks():
    with pytest.raises(ValueError, match=r'\[77\]'):
        count(True, gt=np.full_like(GT, 77))


def semantic_truth(sample, ignore_crowd):
    """(1, H, W) labels painted segment by segment, 255 = does not count."""
    id_map = read_id_map(sample['seg_map_path'])
    labels = np.full(id_map.shape, 255, np.uint8)
    for segment in sample['segments_info']:
        if not (segment['iscrowd'] and ignore_crowd):
            labels[id_map == segment['id']] = segment['category']
    return torch.from_numpy(labels)[None]


@pytest.mark.parametrize('ignore_crowd', [True, False])
def test_equal_to_mmdet_and_mmseg(ignore_crowd, predict_all, coco_meta, evaluate_all):
    samples = predict_all('val2017')
    ours = evaluate_all(samples, coco_meta, 'mIoU', ignore_crowd=ignore_crowd, classwise=True)
    mmdet_metric, mmseg_metric = SemSegMetric(), IoUMetric()
    areas = []
    for metric in (mmdet_metric, mmseg_metric):
        metric.dataset_meta = coco_meta
    for sample in samples:
        truth = semantic_truth(sample, ignore_crowd)
        mmdet_metric.process(None, [sample | dict(gt_sem_seg=dict(sem_seg=truth))])
        prediction = sample['pred_sem_seg']['sem_seg']
        areas.append(IoUMetric.intersect_and_union(prediction[0], truth[0], 133, 255))
    theirs = mmdet_metric.evaluate(len(samples))
    assert ours['panoptic/mIoU'] == pytest.approx(theirs['mIoU'], abs=0.005 + 1e-4)  # rounded
    assert ours['panoptic/mAcc'] == pytest.approx(theirs['mAcc'], abs=0.005 + 1e-4)
    totals = [sum(counts) for counts in zip(*areas, strict=True)]
    exact = IoUMetric.total_area_to_metrics(*totals, ['mIoU'])
    assert ours['panoptic/mIoU'] == pytest.approx(100 * np.nanmean(exact['IoU']), abs=1e-4)
    assert ours['panoptic/aAcc'] == pytest.approx(100 * float(exact['aAcc']), abs=1e-4)
    by_class = [ours[f'panoptic/IoU/{name}'] for name in coco_meta['classes']]
    np.testing.assert_allclose(by_class, 100 * exact['IoU'], atol=1e-4)
    assert 20 < ours['panoptic/mIoU'] < 95


@pytest.mark.parametrize(('ids', 'dtype'), [((7, 200), np.uint8), ((7, 300), np.uint16)])
def test_written_are_category_ids(ids, dtype, tmp_path, evaluate_all):
    meta = dict(classes=('cat', 'road'), thing_classes=('cat',), category_ids=ids)
    prediction = torch.tensor([[[0, 1, 1], [0, 0, 1]]], dtype=torch.uint8)
    sample = dict(img_id=1, img_path='x/pic.jpg', pred_sem_seg=dict(sem_seg=prediction))
    prefix = str(tmp_path / 'out')
    assert evaluate_all([sample], meta, 'mIoU', format_only=True, outfile_prefix=prefix) == {}
    written = cv2.imread(f'{prefix}.semantic/pic.png', cv2.IMREAD_UNCHANGED)
    assert written.dtype == dtype
    assert written.tolist() == np.array(ids)[prediction[0].numpy()].tolist()


@pytest.mark.parametrize('ids', [(7, 70007), (-1, 3)])
def test_category_ids_that_a_png_cannot_hold_are_refused(ids, tmp_path):
    metric = PanopticMetric('mIoU', outfile_prefix=str(tmp_path / 'out'))
    wrong = max(ids) if max(ids) > 3 else -1
    with pytest.raises(ValueError, match=rf'category ids \[{wrong}\] do not fit'):
        metric.check_data([dict(img_id=1, img_path='a.png', category_ids=list(ids))])
    metric.check_data([dict(img_id=1, img_path='a.png', category_ids=[0, 65535])])


def test_written_maps_keep_the_images_folders(tmp_path, evaluate_all):
    meta = dict(classes=('cat', 'road'), thing_classes=('cat',))
    samples = [
        dict(
            img_id=i,
            img_path=f'root/seq{i}/000.jpg',
            file_name=f'seq{i}/000.jpg',
            category_ids=[7, 200 + i],
            pred_sem_seg=dict(sem_seg=torch.full((1, 1, 2), i, dtype=torch.uint8)),
        )
        for i in range(2)
    ]
    prefix = str(tmp_path / 'out')
    evaluate_all(samples, meta, 'mIoU', format_only=True, outfile_prefix=prefix)
    for i, value in enumerate((7, 201)):
        written = cv2.imread(f'{prefix}.semantic/seq{i}/000.png', cv2.IMREAD_UNCHANGED)
        assert written.tolist() == [[value] * 2]
