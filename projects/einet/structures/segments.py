"""The segments that an annotation lists for one image.

Shape shorthand:
    G: segments of the ground truth
    C: classes, things first
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Segment id of unlabeled pixels in a ground-truth map.
VOID_ID = 0
#: Label of predicted pixels that belong to no segment, and void's row among the segments.
NONE = -1


@dataclass(frozen=True)
class GroundTruthSegments:
    """The segments the annotation lists for one image, in the annotation's order.

    Args:
        ids: (G,) int64, distinct and > 0.
        labels: (G,) int64 in [0, C).
        is_crowd: (G,) bool.
    """

    ids: NDArray[np.int64]
    labels: NDArray[np.int64]
    is_crowd: NDArray[np.bool_]

    def rows_of(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Look up segment ids.

        Args:
            ids: int64 of any shape; every one listed, or :data:`VOID_ID`.

        Returns:
            Row of each id, :data:`NONE` for void; same shape.

        Raises:
            ValueError: An id is neither void nor listed.
        """
        order = np.argsort(self.ids)
        table = np.append(VOID_ID, self.ids[order])
        rows = np.append(NONE, order)
        places = np.minimum(np.searchsorted(table, ids), len(table) - 1)
        is_unknown = table[places] != ids
        if is_unknown.any():
            unknown = np.unique(ids[is_unknown])
            raise ValueError(
                f'the map has segment ids that the annotation does not list: '
                f'{unknown[:5].tolist()}{" ..." if len(unknown) > 5 else ""}'
            )
        found: NDArray[np.int64] = rows[places]
        return found


def parse_segments(
    segments_info: Sequence[Mapping[str, Any]], num_classes: int, thing_labels: frozenset[int]
) -> GroundTruthSegments:
    """Turn the ``segments_info`` of a sample into arrays.

    Args:
        segments_info: G mappings with ``id`` (> 0), ``category`` (label), and ``iscrowd``. Without
            ``iscrowd``, a segment of a thing class with ``is_thing=False`` is crowd: so mmdet's
            ``CocoPanopticDataset`` marks it.
        num_classes: C.
        thing_labels: Labels of the thing classes.

    Returns:
        The G segments in the order given.

    Raises:
        ValueError: An id is void or occurs twice, or a label lies outside [0, C).
    """
    ids = np.array([segment['id'] for segment in segments_info], np.int64)
    labels = np.array([segment['category'] for segment in segments_info], np.int64)
    is_crowd = np.array([_is_crowd(segment, thing_labels) for segment in segments_info], bool)
    if ids.min(initial=VOID_ID + 1) <= VOID_ID or len(set(ids.tolist())) < len(ids):
        raise ValueError(
            f'segments_info has ids {ids.tolist()}; they must differ and be positive '
            f'({VOID_ID} is void)'
        )
    if labels.min(initial=0) < 0 or labels.max(initial=0) >= num_classes:
        raise ValueError(
            f'segments_info has labels {np.unique(labels).tolist()}; the dataset has '
            f'{num_classes} classes, so `category` is a label from 0 to {num_classes - 1}, '
            f'not the category_id of the annotation file'
        )
    return GroundTruthSegments(ids, labels, is_crowd)


def _is_crowd(segment: Mapping[str, Any], thing_labels: frozenset[int]) -> bool:
    if 'iscrowd' in segment:
        return bool(segment['iscrowd'])
    return segment['category'] in thing_labels and not segment.get('is_thing', True)
