"""The segments that a map of ids shows, with their areas and boxes.

Shape shorthand:
    H, W: map
    K: segments in the map
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .runs import find_runs, instance_statistics


class SegmentPixels(NamedTuple):
    """The K segments of a map.

    Attributes:
        ids: (K,) int64, ascending; void (0) is not among them.
        areas: (K,) int64 pixels.
        boxes: (K, 4) int64, COCO's x, y, width, height.
        shape: (H, W) of the map.
    """

    ids: NDArray[np.int64]
    areas: NDArray[np.int64]
    boxes: NDArray[np.int64]
    shape: tuple[int, int]

    def rows(self) -> dict[int, int]:
        """Row of each id."""
        return {segment_id: row for row, segment_id in enumerate(self.ids.tolist())}

    def describe(self) -> list[dict[str, Any]]:
        """COCO's ``id``, ``area`` and ``bbox`` of each segment, by id."""
        columns = (self.ids.tolist(), self.areas.tolist(), self.boxes.tolist())
        return [dict(id=i, area=a, bbox=b) for i, a, b in zip(*columns, strict=True)]


def measure_segments(id_map: NDArray[np.integer]) -> SegmentPixels:
    """Measure all segments of a map.

    Args:
        id_map: (H, W) ids from 0; 0 is void.

    Returns:
        Its segments.
    """
    runs = find_runs(id_map)
    ids, of_run = np.unique(runs.values, return_inverse=True)
    statistics = instance_statistics(runs, of_run, len(ids))
    boxes = statistics.bboxes.copy()
    boxes[:, 2:] -= boxes[:, :2]
    used = ids > 0
    return SegmentPixels(
        ids[used].astype(np.int64), statistics.areas[used], boxes[used], runs.shape
    )
