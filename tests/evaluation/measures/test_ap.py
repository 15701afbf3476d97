"""AP by hand; and on real annotations the values of pycocotools, run on files."""

import contextlib
import io
import json
import math
import pickle

import numpy as np
import pytest
from pycocotools import mask as mask_api
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from einet.evaluation import PanopticMetric
from einet.evaluation.instance_masks import Masks, encode_segments
from einet.evaluation.measures.ap import ImageMasks, average_precision, instance_results
from einet.structures.id_map import read_id_map

GT = np.zeros((40, 100), int)
GT[:20, :30], GT[:20, 40:80], GT[30:, :] = 1, 2, 3  # 600 and 800 px; 1000 px of crowd


def masks(id_map, ids, labels, scores=None, crowd=()):
    scores = np.zeros(len(ids)) if scores is None else np.array(scores)
    is_crowd = np.isin(ids, list(crowd))
    return Masks(np.array(labels, int), encode_segments(id_map, ids), scores, is_crowd)


def ap(pred, gt, max_dets=100, image_id=1):
    return average_precision([ImageMasks(image_id, GT.shape, gt, pred)], [0, 4], max_dets)


TRUTH = masks(GT, [1, 2, 3], [0, 0, 0], crowd=[3])


def test_by_hand():
    # Instance 1 with IoU 0.7 (420 px of it), then a false one, then nothing; 2 is missed.
    pred = np.zeros_like(GT)
    pred[:14, :30], pred[22:28, :] = 1, 2
    result = ap(masks(pred, [1, 2], [0, 0], [0.9, 0.8]), TRUTH)
    # Precision 1 up to recall 0.5: 51 of 101 recall thresholds, at IoU 0.50 to 0.65, and at 0.70
    # if 420 / 600 reaches it.
    at_50 = 51 / 101
    assert result.ap50 == pytest.approx(at_50)
    assert result.ap == pytest.approx(at_50 * 5 / 10)
    assert result.ap75 == 0
    assert result.ap_s == pytest.approx(at_50 * 5 / 10)
    assert math.isnan(result.ap_m) and math.isnan(result.ap_l)
    np.testing.assert_allclose(result.per_class, [at_50 / 2, np.nan])


def test_what_crowd_covers_is_no_false_one():
    pred = GT.copy()
    pred[30:, :50], pred[30:, 50:] = 5, 6
    result = ap(masks(pred, [5, 6, 1, 2], [0] * 4, [0.9, 0.8, 0.5, 0.4]), TRUTH)
    assert result.ap == 1


def test_only_max_dets_count():
    pred = masks(GT, [1, 2], [0, 0], [0.9, 0.8])
    assert ap(pred, TRUTH).ap == 1
    assert ap(pred, TRUTH, max_dets=1).ap == pytest.approx(51 / 101)


NOTHING = masks(GT, [], [])


@pytest.mark.parametrize('image_id', [1, 'a_000_019'])
def test_nothing_predicted(image_id):
    assert ap(NOTHING, TRUTH, image_id=image_id).ap == 0


@pytest.mark.parametrize('gt', [NOTHING, masks(GT, [3], [0], crowd=[3])])
def test_nothing_to_find_is_not_measured(gt):
    result = ap(masks(GT, [1], [0], [1]), gt)
    assert all(math.isnan(value) for value in result[:-1])
    assert np.isnan(result.per_class).all()


def test_no_image():
    assert math.isnan(average_precision([], [0], 100).ap)


def test_results_that_json_can_hold():
    results = instance_results(5, masks(GT, [2], [1], [0.25]), (18, 44))
    assert results[0]['segmentation']['size'] == [40, 100]
    assert isinstance(results[0]['segmentation']['counts'], str)
    assert (results[0]['image_id'], results[0]['category_id'], results[0]['score']) == (5, 44, 0.25)


NAMES = ['AP', 'AP50', 'AP75', 'AP_s', 'AP_m', 'AP_l']


def write_instances(path, samples, meta):
    """The things of the panoptic PNGs in COCO's instance format, one bitmap at a time."""
    annotations = []
    for sample in samples:
        id_map = read_id_map(sample['seg_map_path'])
        for segment in sample['segments_info']:
            if segment['category'] < 80:
                bitmap = np.asfortranarray(id_map == segment['id'], dtype=np.uint8)
                mask = mask_api.encode(bitmap)
                annotations.append(
                    dict(
                        id=len(annotations) + 1,
                        image_id=sample['img_id'],
                        category_id=meta['category_ids'][segment['category']],
                        segmentation=dict(mask, counts=mask['counts'].decode()),
                        area=int(bitmap.sum()),
                        iscrowd=segment['iscrowd'],
                    )
                )
    images = [
        dict(id=sample['img_id'], height=sample['ori_shape'][0], width=sample['ori_shape'][1])
        for sample in samples
    ]
    categories = [dict(id=category_id) for category_id in meta['category_ids'][:80]]
    content = dict(images=images, annotations=annotations, categories=categories)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize('how', ['perfect', 'split', 'spilled', None])
def test_equal_to_pycocotools_on_files(how, tmp_path, predict_all, coco_meta, evaluate_all):
    samples = predict_all('val2017', how)
    prefix = str(tmp_path / 'run')
    ours = evaluate_all(samples, coco_meta, 'AP', classwise=True, outfile_prefix=prefix)
    write_instances(tmp_path / 'instances.json', samples, coco_meta)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(tmp_path / 'instances.json'))
        theirs = COCOeval(truth, truth.loadRes(f'{prefix}.segm.json'), 'segm')
        theirs.evaluate()
        theirs.accumulate()
        theirs.summarize()
    for name, value in zip(NAMES, theirs.stats, strict=False):
        assert ours[f'panoptic/{name}'] == pytest.approx(100 * value, abs=1e-9)
    precision = theirs.eval['precision'][:, :, :, 0, -1]
    for label, name in enumerate(coco_meta['classes'][:80]):
        value = ours[f'panoptic/AP/{name}']
        assert (precision[..., label] == -1).all() == np.isnan(value)
        if not np.isnan(value):
            assert value == pytest.approx(100 * precision[..., label].mean(), abs=1e-9)
    assert ours['panoptic/AP'] > 99 if how == 'perfect' else 1 < ours['panoptic/AP'] < 99


def test_results_hold_run_lengths_only(predict_all, coco_meta):
    metric = PanopticMetric(['PQ', 'AP', 'mIoU'])
    metric.dataset_meta = coco_meta
    samples = predict_all('val2017', 'split')
    metric.process(None, samples)
    pixels = sum(sample['pred_panoptic_seg']['sem_seg'].numel() for sample in samples)
    assert len(pickle.dumps(metric.results)) < pixels / 10


def test_instance_without_a_pixel_is_left_out(predict_all, coco_meta, evaluate_all):
    samples = predict_all('val2017', 'split')
    expected = evaluate_all(samples, coco_meta, 'AP')
    for sample in samples:
        instances = sample['pred_instances']
        for key, extra in (('labels', 0), ('scores', 1), ('panoptic_ids', 999000)):
            values = instances[key]
            instances[key] = values.new_tensor([extra, *values.tolist()])
    np.testing.assert_equal(evaluate_all(samples, coco_meta, 'AP'), expected)


def test_other_size(predict_all, coco_meta, evaluate_all):
    sample = predict_all('val2017')[0]
    sample['pred_panoptic_seg'] = dict(sem_seg=sample['pred_panoptic_seg']['sem_seg'][:, 1:])
    with pytest.raises(ValueError, match=r'image \d+, .*png: the prediction is'):
        evaluate_all([sample], coco_meta, 'AP')
