import numpy as np
import pytest

from einet.evaluation.semantic_iou import (
    iou_statistics,
    mean_of_present,
    semantic_quality,
    sum_iou_statistics,
)
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
