"""A map of segments as horizontal runs: what is done once per run need not be done per pixel.

A 1024 x 2048 street scene has two million pixels but only some ten thousand runs, so looking up
tables, sums, boxes and nearest pixels all become cheap, exactly.

Shape shorthand:
    H, W: map
    R: runs
    K: instances

Points are (x, y) pixel indices.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Runs(NamedTuple):
    """Maximal horizontal stretches of one value, in row-major order; none spans two rows.

    Attributes:
        values: (R,) value of each run, in the map's type.
        y: (R,) int64 row.
        x1: (R,) int64 first column.
        x2: (R,) int64 column after the last.
        shape: (H, W).
    """

    values: NDArray[np.generic]
    y: NDArray[np.int64]
    x1: NDArray[np.int64]
    x2: NDArray[np.int64]
    shape: tuple[int, int]

    def paint(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """The (H, W) map that has `values` (R,) in place of the runs' own."""
        return np.repeat(values, self.x2 - self.x1).reshape(self.shape)


class InstanceStatistics(NamedTuple):
    """Geometry of K instances.

    Attributes:
        areas: (K,) int64, pixels.
        centroids: (K, 2) int64 xy, the pixel of the instance nearest to its center of mass.
        bboxes: (K, 4) int64 xyxy of the visible part, x2 and y2 exclusive.
    """

    areas: NDArray[np.int64]
    centroids: NDArray[np.int64]
    bboxes: NDArray[np.int64]


def find_runs(segment_map: NDArray[np.generic]) -> Runs:
    """Split a map into runs.

    Args:
        segment_map: (H, W) map of any type, contiguous or not, H and W at least 1.

    Returns:
        Its runs.
    """
    height, width = segment_map.shape
    is_first = np.empty((height, width), bool)
    is_first[:, 0] = True
    np.not_equal(segment_map[:, 1:], segment_map[:, :-1], out=is_first[:, 1:])
    first = np.flatnonzero(is_first)
    y, x1 = np.divmod(first, width)
    x2 = x1 + np.diff(first, append=height * width)
    return Runs(segment_map[y, x1], y, x1, x2, (height, width))


def instance_statistics(
    runs: Runs, instances: NDArray[np.integer], num_instances: int
) -> InstanceStatistics:
    """Areas, snapped centers of mass and boxes of instances.

    A concave or split instance may not contain its center of mass, so its centroid is the nearest
    of its own pixels (design's reading of Eq. 8); among equally near ones the topmost, then the
    leftmost. Distances are compared in integers, so ties are exact.

    Args:
        runs: The R runs of a map.
        instances: (R,) integer number of each run's instance in [0, K), or -1.
        num_instances: K; every instance has at least one run.

    Returns:
        Statistics of the K instances.
    """
    used = instances >= 0
    number = instances[used]
    y, x1, x2 = runs.y[used], runs.x1[used], runs.x2[used]
    areas = _sum(x2 - x1, number, num_instances)
    # Sums over a run's pixels: the mean of its first and last column, times its length.
    sum_x = _sum((x1 + x2 - 1) * (x2 - x1) // 2, number, num_instances)
    sum_y = _sum(y * (x2 - x1), number, num_instances)
    bboxes = np.empty((num_instances, 4), np.int64)
    bboxes[:, :2] = np.iinfo(np.int64).max
    bboxes[:, 2:] = 0
    for column, values in ((0, x1), (1, y)):
        np.minimum.at(bboxes[:, column], number, values)
    for column, values in ((2, x2), (3, y + 1)):
        np.maximum.at(bboxes[:, column], number, values)
    # Nearest integer to sum_x / area, halves down, in each run.
    nearest_x = -((areas - 2 * sum_x) // (2 * areas))
    x = np.clip(nearest_x[number], x1, x2 - 1)
    # area x squared distance to the center of mass, without the term that all pixels share.
    distance = areas[number] * (x * x + y * y) - 2 * (x * sum_x[number] + y * sum_y[number])
    least = np.full(num_instances, np.iinfo(np.int64).max)
    np.minimum.at(least, number, distance)
    candidates = np.flatnonzero(distance == least[number])
    _, first = np.unique(number[candidates], return_index=True)
    chosen = candidates[first]
    return InstanceStatistics(areas, np.stack([x[chosen], y[chosen]], axis=1), bboxes)


def _sum(values: NDArray[np.int64], number: NDArray[np.integer], size: int) -> NDArray[np.int64]:
    """Sums by number; exact, because float64 holds integers up to 2^53."""
    return np.bincount(number, weights=values, minlength=size).astype(np.int64)
