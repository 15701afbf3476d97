import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from einet.evaluation.classes import PanopticClasses
from einet.evaluation.sample import EvaluatedSample
from einet.report.examine import examine
from einet.report.scores import (
    class_scores,
    confusion_matrix,
    group_scores,
    image_pq,
    size_scores,
)
from tests.evaluation.measures.test_pq_matching import scenes

from .scene import CLASSES, evaluated


def test_classes_by_hand():
    columns = class_scores([examine(evaluated())], CLASSES).columns
    assert [columns[name].tolist() for name in ('TP', 'FP', 'FN')] == [
        [1, 0, 1],
        [2, 1, 0],
        [1, 2, 0],
    ]
    assert columns['PQ'].tolist() == pytest.approx([100 * 0.9 / 2.5, 0, 75])
    assert columns['SQ'].tolist() == pytest.approx([90, 0, 75])
    # No dog is found. Of two cats one is, up to IoU 0.85: at 51 of 101 recalls, for 8 of 10
    # thresholds, by the best score, so with precision 1.
    assert columns['AP'].tolist()[:2] == pytest.approx([100 * 51 / 101 * 0.9, 0])
    assert np.isnan(columns['AP'][2])


def test_groups_are_means_of_what_is_there():
    scores = group_scores(class_scores([examine(evaluated())], CLASSES), CLASSES)
    assert scores['things']['PQ'] == pytest.approx((36 + 0) / 2)
    assert scores['all']['PQ'] == pytest.approx((36 + 0 + 75) / 3)
    assert scores['stuff']['PQ'] == pytest.approx(75)
    assert np.isnan(scores['stuff']['AP'])


def test_pq_of_an_image_and_of_one_where_nothing_counts():
    assert image_pq(examine(evaluated()).statistics) == pytest.approx((36 + 0 + 75) / 3)
    assert np.isnan(image_pq(examine(evaluated([[0]], [], [[3]])).statistics))


def test_sizes_by_hand():
    # A cat of 8 x 8 = 64 pixels, found on 60; one of 63 that is missed; an invented dog of 1024,
    # and grass, which is no object.
    truth = [[7] * 64 + [8] * 63 + [4] * 2000]
    prediction = [[1000] * 60 + [3] * 67 + [5001] * 1024 + [2] * 976]
    rows = size_scores([examine(evaluated(truth, [(7, 0), (8, 0), (4, 2)], prediction))], CLASSES)
    assert [(row['range'], row['TP'], row['FP'], row['FN']) for row in rows] == [
        ('below 8', 0, 0, 1),
        ('8 to 16', 1, 0, 0),
        ('16 to 32', 0, 0, 0),
        ('32 to 64', 0, 1, 0),
    ]
    assert rows[1]['PQ'] == pytest.approx(100 * 60 / 64)
    assert np.isnan(rows[2]['PQ'])


def test_no_object_has_no_size():
    assert size_scores([examine(evaluated([[4]], [(4, 2)], [[2]]))], CLASSES) == []


def test_confusion_by_hand():
    image = examine(evaluated())
    assert confusion_matrix([image, image], 3).tolist() == [
        [2, 0, 0, 0],  # cats: one too loose
        [2, 0, 0, 2],  # dogs: one is called a cat, one is missed
        [0, 0, 0, 0],
        [0, 2, 0, 0],  # a dog is invented
    ]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scenes())
def test_counts_are_those_of_panopticapi(panopticapi_statistics, scene):
    gt_map, infos, pred_map = scene
    # Things count from 1: the maps of a sample have 0 for void alone.
    pred_map = np.where(pred_map % 1000 < 2, pred_map + 10_000, pred_map)
    segments = [(info['id'], info['category'], info['iscrowd']) for info in infos]
    images = [examine(evaluated(gt_map, segments, pred_map))]
    columns, matrix = class_scores(images, CLASSES).columns, confusion_matrix(images, 3)
    theirs = panopticapi_statistics([(gt_map, infos, pred_map)], 3).pq_per_cat
    for label in range(3):
        counts = [int(columns[name][label]) for name in ('TP', 'FP', 'FN')]
        assert counts == [theirs[label].tp, theirs[label].fp, theirs[label].fn]
        assert matrix[label].sum() == theirs[label].fn
        assert matrix[:, label].sum() == theirs[label].fp


def test_equal_to_the_metric_on_real_images(predict_all, coco_meta, evaluate_all):
    samples, classes = predict_all('val2017')[:4], PanopticClasses.from_metainfo(coco_meta)
    scores = class_scores([examine(EvaluatedSample(s, classes)) for s in samples], classes)
    metric = evaluate_all(samples, coco_meta, ['PQ', 'AP', 'mIoU'], classwise=True)
    for column in ('PQ', 'AP', 'IoU'):
        theirs = [metric.get(f'panoptic/{column}/{name}', np.nan) for name in classes.names]
        np.testing.assert_allclose(scores.columns[column], theirs, atol=1e-9)
    groups = group_scores(scores, classes)
    for ours, theirs in (('PQ', 'PQ'), ('SQ', 'SQ'), ('RQ', 'RQ'), ('AP', 'AP'), ('IoU', 'mIoU')):
        assert groups['all'][ours] == pytest.approx(metric[f'panoptic/{theirs}'], abs=1e-9)
    assert groups['things']['PQ'] == pytest.approx(metric['panoptic/PQ_th'], abs=1e-9)
