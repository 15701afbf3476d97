import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from einet.evaluation.measures.overlaps import check_same_size, count_overlaps

ID_MAPS = hnp.arrays(
    np.int64, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 6)
)


@given(ID_MAPS, st.randoms(use_true_random=False))
def test_overlaps_equal_counting_every_pixel(gt_map, random):
    pred_map = np.array([random.randint(0, 5) for _ in range(gt_map.size)]).reshape(gt_map.shape)
    overlaps = count_overlaps(gt_map, pred_map)
    counted = {}
    for pair in zip(gt_map.ravel().tolist(), pred_map.ravel().tolist(), strict=True):
        counted[pair] = counted.get(pair, 0) + 1
    pairs = zip(overlaps.gt_ids.tolist(), overlaps.pred_ids.tolist(), strict=True)
    assert dict(zip(pairs, overlaps.areas.tolist(), strict=True)) == counted


def test_by_hand():
    overlaps = count_overlaps(np.array([[7, 7, 0], [9, 9, 7]]), np.array([[1, 2, 2], [2, 2, 1]]))
    pairs = zip(*(column.tolist() for column in overlaps), strict=True)
    # in this order: by ground-truth id, then by predicted id
    assert list(pairs) == [(0, 2, 1), (7, 1, 2), (7, 2, 1), (9, 2, 2)]


def test_no_pixel():
    nothing = np.zeros((0, 5), int)
    assert [column.tolist() for column in count_overlaps(nothing, nothing)] == [[], [], []]


@pytest.mark.parametrize('outside', [-1, 1 << 31, 1 << 33])
def test_ids_outside_the_range(outside):
    maps = dict(gt=np.array([[0, 5, 5]]), pred=np.array([[7, 7, 7]]))
    for name, kind in (('gt', 'ground truth'), ('pred', 'prediction')):
        wrong = maps | {name: np.array([[3, outside, 3]])}
        with pytest.raises(ValueError, match=f'the {kind} has ids outside'):
            count_overlaps(wrong['gt'], wrong['pred'])


def test_sizes_that_differ_are_named():
    with pytest.raises(ValueError, match=r'prediction is \(2, 5\).*ground truth \(3, 4\)'):
        check_same_size(np.zeros((3, 4)), np.zeros((2, 5)))
