import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einet.evaluation.pq import PQStatistics
from einet.evaluation.pq_summary import PanopticQuality, class_quality, mean_quality, sum_statistics


def statistics(*rows):
    """From rows of (label, iou, tp, fp, fn)."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * 5
    kinds = (np.int64, np.float64, np.int64, np.int64, np.int64)
    return PQStatistics(*(np.array(c, kind) for c, kind in zip(columns, kinds, strict=True)))


def test_quality_by_hand():
    # class 0: 3 matches of total IoU 2.4, 1 false, 2 missed: weight 3 + 0.5 + 1 = 4.5
    # class 1: only wrong; class 2: absent; class 3: a perfect match
    total = sum_statistics(
        [
            statistics((0, 1.6, 2, 1, 0), (1, 0.0, 0, 2, 5)),
            statistics(),
            statistics((0, 0.8, 1, 0, 2), (3, 1.0, 1, 0, 0)),
        ],
        num_classes=4,
    )
    assert (total.tp.tolist(), total.fp.tolist(), total.fn.tolist()) == (
        [3, 0, 0, 1],
        [1, 2, 0, 0],
        [2, 5, 0, 0],
    )
    quality = class_quality(total)
    np.testing.assert_allclose(quality.pq, [2.4 / 4.5, 0, np.nan, 1], rtol=1e-12)
    np.testing.assert_allclose(quality.sq, [2.4 / 3, 0, np.nan, 1], rtol=1e-12)
    np.testing.assert_allclose(quality.rq, [3 / 4.5, 0, np.nan, 1], rtol=1e-12)

    mean, num = mean_quality(quality, [0, 1, 2])
    assert num == 2
    assert mean == pytest.approx((2.4 / 9, 0.4, 3 / 9))


def test_group_that_does_not_appear_is_nan():
    quality = class_quality(sum_statistics([statistics((1, 0.9, 1, 0, 0))], 3))
    mean, num = mean_quality(quality, [0, 2])
    assert num == 0
    assert all(math.isnan(value) for value in mean)
    assert mean_quality(quality, [])[1] == 0


@pytest.mark.parametrize('images', [[], [statistics()]])
def test_nothing_at_all(images):
    total = sum_statistics(images, 2)
    assert total.tp.tolist() == [0, 0]
    mean, num = mean_quality(class_quality(total), [0, 1])
    assert isinstance(mean, PanopticQuality)
    assert num == 0


ROWS = st.lists(
    st.tuples(st.integers(0, 4), st.floats(0.5, 1), *[st.integers(0, 9)] * 3),
    unique_by=lambda row: row[0],
    max_size=4,
)


@given(st.lists(ROWS, max_size=12), st.randoms(use_true_random=False))
def test_sum_does_not_depend_on_the_order_to_the_last_bit(images, random):
    shuffled = random.sample(images, len(images))
    before = sum_statistics([statistics(*rows) for rows in images], 5)
    after = sum_statistics([statistics(*rows) for rows in shuffled], 5)
    for field in ('labels', 'iou', 'tp', 'fp', 'fn'):
        assert getattr(before, field).tolist() == getattr(after, field).tolist()
    for label in range(5):
        rows = [row for image in images for row in image if row[0] == label]
        assert before.iou[label] == pytest.approx(sum(row[1] for row in rows))
        assert before.fn[label] == sum(row[4] for row in rows)
