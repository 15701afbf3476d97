import numpy as np
import pytest

from einet.structures.segments import NONE, GroundTruthSegments, parse_segments

THINGS = frozenset({0, 1})


def test_segments_keep_their_order():
    infos = [
        dict(id=9, category=2, is_thing=False, iscrowd=0),
        dict(id=4, category=1, is_thing=True, iscrowd=1),
    ]
    segments = parse_segments(infos, 3, THINGS)
    assert segments.ids.tolist() == [9, 4]
    assert segments.labels.tolist() == [2, 1]
    assert segments.is_crowd.tolist() == [False, True]


def test_crowd_as_mmdet_marks_it():
    infos = [
        dict(id=1, category=0, is_thing=False),  # a thing class that is no thing: crowd
        dict(id=2, category=0, is_thing=True),
        dict(id=3, category=2, is_thing=False),  # stuff
    ]
    assert parse_segments(infos, 3, THINGS).is_crowd.tolist() == [True, False, False]


@pytest.mark.parametrize('ids', [(0, 5), (5, 5), (-1, 2)])
def test_ids_that_cannot_be(ids):
    with pytest.raises(ValueError, match='must differ and be positive'):
        parse_segments([dict(id=i, category=0, iscrowd=0) for i in ids], 3, THINGS)


@pytest.mark.parametrize('category', [-1, 3, 119])
def test_label_outside_the_classes(category):
    with pytest.raises(ValueError, match=rf'labels \[{category}\].*3 classes.*not the category_id'):
        parse_segments([dict(id=1, category=category, iscrowd=0)], 3, THINGS)


def test_no_segments():
    assert parse_segments([], 3, THINGS).ids.shape == (0,)


def test_rows_are_looked_up_in_any_order():
    segments = GroundTruthSegments(np.array([9, 4, 70000]), np.array([2, 1, 0]), np.zeros(3, bool))
    rows = segments.rows_of(np.array([[70000, 4], [0, 9]]))
    assert rows.tolist() == [[2, 1], [NONE, 0]]


@pytest.mark.parametrize('unknown', [3, 5, 70001])
def test_an_id_that_is_not_listed(unknown):
    segments = GroundTruthSegments(np.array([9, 4]), np.array([2, 1]), np.zeros(2, bool))
    with pytest.raises(ValueError, match=rf'does not list: \[{unknown}\]$'):
        segments.rows_of(np.array([4, unknown, 0]))
