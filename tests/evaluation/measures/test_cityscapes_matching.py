import numpy as np
import pytest

from einet.evaluation.measures.cityscapes_matching import (
    cityscapes_precision,
    label_ids,
    match_instances,
)
from einet.evaluation.sample import PredictedInstances

pytest.importorskip('cityscapesscripts')

NAMES = ('person', 'car')
CAR, CAR_GROUP, CARAVAN_GROUP, ROAD = 26000, 26, 29, 7
GT = np.full((40, 60), ROAD)
GT[:20, :20], GT[:5, 40:45], GT[20:, 40:], GT[30:, :20] = CAR, CAR + 1, CAR_GROUP, CARAVAN_GROUP


def precision(areas, labels, scores, gt=GT):
    pred = np.full(gt.shape, 2)
    ids = [1000 * (number + 1) + label for number, label in enumerate(labels)]
    for panoptic_id, area in zip(ids, areas, strict=True):
        pred[area] = panoptic_id
    instances = PredictedInstances(*map(np.array, (labels, scores, ids)))
    return cityscapes_precision([match_instances(gt, pred, instances, NAMES)])


def test_by_hand():
    # The car of 400 px with IoU 0.75; a false car; the car of 25 px is too small to be missed.
    areas = np.s_[:15, :20], np.s_[22:28, :20]
    result = precision(areas, [1, 1], [0.8, 0.9])
    # One of two is right: the curve is (recall, precision) (0, 1), (0, 0), (1, 0.5).
    assert result.per_class['car'] == pytest.approx(result.ap50 * 5 / 10)
    assert result.ap50 == pytest.approx(0.5 * 0.5)
    assert np.isnan(result.per_class['person'])


@pytest.mark.parametrize('area', [np.s_[20:, 40:], np.s_[30:, :20], np.s_[:5, 40:45]])
def test_groups_void_and_small_ones_are_no_false_ones(area):
    assert precision([np.s_[:20, :20], area], [1, 1], [0.5, 0.9]).ap == pytest.approx(1)


def test_a_class_that_is_not_there():
    result = precision([np.s_[:20, :20], np.s_[22:28, :20]], [1, 0], [0.5, 0.9])
    assert result.ap == pytest.approx(1) and np.isnan(result.per_class['person'])


def test_nothing_predicted_and_nothing_to_find():
    assert precision([], [], []).ap == 0
    assert np.isnan(precision([], [], [], np.full((4, 4), ROAD)).ap)
    assert np.isnan(cityscapes_precision([]).ap)


def test_unknown_instance_id():
    with pytest.raises(ValueError, match='instance id 99001'):
        precision([], [], [], np.full((4, 4), 99001))


def test_label_ids_by_name():
    assert label_ids(['bicycle', 'person']) == [33, 24]
    with pytest.raises(ValueError, match=r"has \['dog'\]"):
        label_ids(['car', 'dog'])
