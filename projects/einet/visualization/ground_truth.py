"""The ground truth of a sample as a panoptic map, for drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..structures.id_map import read_id_map
from ..structures.limits import INSTANCE_OFFSET
from ..structures.segments import parse_segments


def read_panoptic_seg(
    seg_map_path: str,
    segments_info: Sequence[Mapping[str, Any]],
    dataset_meta: Mapping[str, Any],
) -> np.ndarray:
    """Read a sample's id-coded PNG as a panoptic map; test pipelines do not load it.

    Args:
        seg_map_path: of the PNG.
        segments_info: its segments with ``id``, ``category`` (label) and ``iscrowd``.
        dataset_meta: with ``classes`` (C names) and ``thing_classes``.

    Returns:
        (H, W) int32, label + 1000 * instance; void and crowds of things are C.

    Raises:
        FileNotFoundError: when there is no such PNG.
        ValueError: when it is damaged or has ids that ``segments_info`` lacks.
    """
    num_classes, num_things = len(dataset_meta['classes']), len(dataset_meta['thing_classes'])
    segments = parse_segments(segments_info, num_classes, frozenset(range(num_things)))
    id_map = read_id_map(seg_map_path)
    listed, inverse = np.unique(id_map, return_inverse=True)
    try:
        rows = segments.rows_of(listed.astype(np.int64))
    except ValueError as error:
        raise ValueError(f'{seg_map_path}: {error}') from error
    is_thing = segments.labels < num_things
    instances = np.where(is_thing, np.cumsum(is_thing), 0)
    panoptic_ids = segments.labels + INSTANCE_OFFSET * instances
    panoptic_ids[is_thing & segments.is_crowd] = num_classes
    # Row -1, void, is the entry appended last.
    table = np.append(panoptic_ids, num_classes)[rows]
    return table[inverse].reshape(id_map.shape).astype(np.int32)
