import numpy as np
import pytest

from einet.structures.segment_pixels import measure_segments


def slow_segment(id_map, segment_id):
    """The obvious count of one segment."""
    y, x = np.nonzero(id_map == segment_id)
    box = [x.min(), y.min(), x.max() + 1 - x.min(), y.max() + 1 - y.min()]
    return dict(id=segment_id, area=len(x), bbox=[int(value) for value in box])


@pytest.mark.parametrize('dtype', [np.uint32, np.int32, np.int64])
@pytest.mark.parametrize('shape', [(1, 1), (1, 9), (7, 1), (13, 22)])
def test_segments_are_those_of_a_slow_count(shape, dtype):
    ids = np.array([0, 3, 256, 70000, 256**3 - 1])
    id_map = np.random.default_rng(1).choice(ids, shape).astype(dtype)
    expected = sorted(set(id_map.flatten().tolist()) - {0})
    pixels = measure_segments(id_map)
    assert pixels.ids.tolist() == expected
    assert pixels.shape == shape
    assert pixels.describe() == [slow_segment(id_map, segment_id) for segment_id in expected]


def test_two_segments_by_hand():
    # 8 is an L of three pixels, 70000 the two to its right.
    pixels = measure_segments(np.array([[0, 8, 0, 0], [0, 8, 8, 70000], [0, 0, 0, 70000]]))
    assert pixels.describe() == [
        dict(id=8, area=3, bbox=[1, 0, 2, 2]),
        dict(id=70000, area=2, bbox=[3, 1, 1, 2]),
    ]
    assert pixels.rows() == {8: 0, 70000: 1}


def test_a_map_without_void():
    assert measure_segments(np.full((2, 3), 5)).describe() == [
        dict(id=5, area=6, bbox=[0, 0, 3, 2])
    ]


def test_a_map_of_void():
    pixels = measure_segments(np.zeros((3, 4), np.uint32))
    assert (pixels.ids.tolist(), pixels.shape, pixels.describe()) == ([], (3, 4), [])
