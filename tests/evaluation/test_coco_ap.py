import math

import numpy as np
import pytest

from einet.evaluation.coco_ap import ImageMasks, average_precision, coco_results
from einet.evaluation.instance_masks import Masks, encode_segments

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
    results = coco_results(5, masks(GT, [2], [1], [0.25]), (18, 44))
    assert results[0]['segmentation']['size'] == [40, 100]
    assert isinstance(results[0]['segmentation']['counts'], str)
    assert (results[0]['image_id'], results[0]['category_id'], results[0]['score']) == (5, 44, 0.25)
