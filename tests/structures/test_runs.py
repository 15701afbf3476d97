from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from einet.structures.runs import find_runs, instance_statistics

SMALL_MAPS = arrays(
    np.uint16, array_shapes(min_dims=2, max_dims=2, max_side=8), elements=st.integers(0, 4)
)


def statistics_of(segment_map, num_instances):
    """Statistics of the segments 1 .. K of a map."""
    runs = find_runs(segment_map)
    return instance_statistics(runs, runs.values.astype(int) - 1, num_instances)


def slow_statistics(segment_map, value):
    """The obvious loop over the pixels of one segment, with exact fractions."""
    pixels = [
        (x, y)
        for y in range(segment_map.shape[0])
        for x in range(segment_map.shape[1])
        if segment_map[y, x] == value
    ]
    mean_x = Fraction(sum(x for x, _ in pixels), len(pixels))
    mean_y = Fraction(sum(y for _, y in pixels), len(pixels))
    x, y = min(pixels, key=lambda p: ((p[0] - mean_x) ** 2 + (p[1] - mean_y) ** 2, p[1], p[0]))
    xs, ys = zip(*pixels, strict=True)
    return len(pixels), [x, y], [min(xs), min(ys), max(xs) + 1, max(ys) + 1]


def test_runs_end_with_the_row():
    runs = find_runs(np.array([[7, 7, 2], [2, 2, 2]]))
    assert runs.values.tolist() == [7, 2, 2]
    assert runs.y.tolist() == [0, 0, 1]
    assert runs.x1.tolist() == [0, 2, 0]
    assert runs.x2.tolist() == [2, 3, 3]


@given(SMALL_MAPS)
def test_painting_its_own_values_gives_the_map_back(segment_map):
    for view in (segment_map, segment_map[:, ::-1], segment_map.T, segment_map[::-1, ::2]):
        runs = find_runs(view)
        painted = runs.paint(runs.values)
        assert painted.dtype == view.dtype
        assert np.array_equal(painted, view)


@given(SMALL_MAPS)
def test_statistics_equal_a_loop_over_pixels(segment_map):
    values = np.unique(segment_map[segment_map > 0])
    runs = find_runs(segment_map)
    instances = np.where(runs.values > 0, np.searchsorted(values, runs.values), -1)
    statistics = instance_statistics(runs, instances, len(values))
    for k, value in enumerate(values):
        area, centroid, box = slow_statistics(segment_map, value)
        assert statistics.areas[k] == area
        assert statistics.centroids[k].tolist() == centroid
        assert statistics.bboxes[k].tolist() == box


def test_center_of_an_l_shape_is_moved_onto_it():
    # Sum of x 0+0+0+1+2+3 = 6, of y 0+1+2+2+2+2 = 9: the center (1, 1.5) is not on the L. Of its
    # pixels (1, 2) is at distance 0.5, (0, 1) and (0, 2) are further away.
    segment_map = np.array([[1, 0, 0, 0], [1, 0, 0, 0], [1, 1, 1, 1]])
    statistics = statistics_of(segment_map, 1)
    assert statistics.areas.tolist() == [6]
    assert statistics.centroids.tolist() == [[1, 2]]
    assert statistics.bboxes.tolist() == [[0, 0, 4, 3]]


def test_equally_near_pixels_give_the_topmost_then_leftmost():
    ring = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]])
    assert statistics_of(ring, 1).centroids.tolist() == [[1, 0]]
    pair = np.array([[0, 1, 1, 0]])
    assert statistics_of(pair, 1).centroids.tolist() == [[1, 0]]
    ends = np.array([[1, 0, 1]])
    assert statistics_of(ends, 1).centroids.tolist() == [[0, 0]]


def test_wide_image():
    segment_map = np.ones((2, 60001), np.uint8)
    segment_map[0, 0] = 0
    statistics = statistics_of(segment_map, 1)
    assert statistics.areas.tolist() == [120001]
    # The center is half a pixel and a bit below the first row, 0.25 right of the middle.
    assert statistics.centroids.tolist() == [[30000, 1]]
    assert statistics.bboxes.tolist() == [[0, 0, 60001, 2]]


def test_one_pixel():
    segment_map = np.zeros((97, 131), np.uint16)
    segment_map[96, 130] = 1
    statistics = statistics_of(segment_map, 1)
    assert statistics.areas.tolist() == [1]
    assert statistics.centroids.tolist() == [[130, 96]]
    assert statistics.bboxes.tolist() == [[130, 96, 131, 97]]


def test_no_instances():
    statistics = statistics_of(np.zeros((3, 4), np.uint16), 0)
    assert [field.shape for field in statistics] == [(0,), (0, 2), (0, 4)]


@pytest.mark.parametrize('shape', [(1, 1), (1, 5), (5, 1)])
def test_smallest_maps(shape):
    runs = find_runs(np.ones(shape, np.uint16))
    assert len(runs.values) == shape[0]
    assert np.array_equal(runs.paint(runs.values), np.ones(shape))
