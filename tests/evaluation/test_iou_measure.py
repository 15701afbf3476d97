"""mIoU on real annotations: mmdet's ``SemSegMetric`` and mmseg's ``IoUMetric`` as references."""

import cv2
import numpy as np
import pytest
import torch
from mmdet.evaluation import SemSegMetric
from mmseg.evaluation import IoUMetric

from einet.structures.id_map import read_id_map


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
