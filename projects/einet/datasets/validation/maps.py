"""The map of segment ids against what the annotation says about its segments."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.dataset import Compose
from numpy.typing import NDArray

from ...structures.segment_pixels import SegmentPixels
from .findings import Finding

STRIDE = 4
# Boxes made of polygons have fractions.
_BOX_TOLERANCE = 1.0
_NAMED = 10


def compare_map(
    segments: Sequence[Mapping[str, Any]], all_ids: set[int], pixels: SegmentPixels
) -> list[Finding]:
    """Compare a map with the segments of its annotation.

    Args:
        segments: Annotated ones with valid ids, each id once; ``area`` and ``bbox`` may lack.
        all_ids: Ids that the annotation lists in whatever way.
        pixels: Segments of the map.

    Returns:
        Findings without file and image, at most one of each kind.
    """
    rows = pixels.rows()
    found = []
    unknown = [segment_id for segment_id in rows if segment_id not in all_ids]
    if unknown:
        count = int(pixels.areas[[rows[i] for i in unknown]].sum())
        found.append(_some('png-ids-unknown', unknown, f'{len(unknown)} ids, {count} pixels'))
    absent = [segment['id'] for segment in segments if segment['id'] not in rows]
    if absent:
        message = f'{len(absent)} of {len(segments)} segments'
        found.append(_some('segment-without-pixels', absent, message))
    painted = [segment for segment in segments if segment['id'] in rows]
    total, size = sum(_area(segment) or 0 for segment in segments), int(np.prod(pixels.shape))
    if total > size:
        message = f'areas sum to {total:g}, the image has {size} pixels'
        found.append(Finding('area-sum', message))
    else:
        # Areas that sum to too much differ from the PNG anyway: saying so twice helps nobody.
        found += _compare_areas(painted, pixels, rows)
    return found + _compare_boxes(painted, pixels, rows)


def ids_at_stride(
    id_map: NDArray[np.uint32], resize: Compose | None, stride: int = STRIDE
) -> set[int]:
    """Ids that the model's maps see: those in the middle of their cells.

    Args:
        id_map: (H, W), 0 = void.
        resize: Transforms that are applied to the map before.
        stride: Side of a cell in pixels. A last cell whose middle lies outside the map is void.

    Returns:
        The ids, without void.
    """
    if resize is not None:
        # float32 holds all ids exactly, and OpenCV resizes it.
        sample = dict(
            img=np.zeros(id_map.shape, np.uint8),
            img_shape=id_map.shape,
            ori_shape=id_map.shape,
            gt_seg_map=id_map.astype(np.float32),
            seg_fields=['gt_seg_map'],
        )
        id_map = resize(sample)['gt_seg_map']
    cells = id_map[stride // 2 :: stride, stride // 2 :: stride]
    return set(np.unique(cells).astype(int).tolist()) - {0}


def _compare_areas(
    segments: Sequence[Mapping[str, Any]], pixels: SegmentPixels, rows: Mapping[int, int]
) -> list[Finding]:
    wrong = []
    for segment in segments:
        area = int(pixels.areas[rows[segment['id']]])
        if _area(segment) != area:
            wrong.append((segment['id'], f'JSON {segment.get("area")}, PNG {area}'))
    return _differences('area-differs', wrong, len(segments))


def _compare_boxes(
    segments: Sequence[Mapping[str, Any]], pixels: SegmentPixels, rows: Mapping[int, int]
) -> list[Finding]:
    wrong = []
    for segment in segments:
        given, box = segment.get('bbox'), pixels.boxes[rows[segment['id']]]
        # A box is optional: nothing reads it but detectors.
        if given is not None and not _same_box(given, box):
            wrong.append((segment['id'], f'JSON {given}, PNG {box.tolist()} (x, y, w, h)'))
    return _differences('box-differs', wrong, len(segments))


def _differences(kind: str, wrong: Sequence[tuple[int, str]], count: int) -> list[Finding]:
    if not wrong:
        return []
    message = f'{len(wrong)} of {count} segments; the first: {wrong[0][1]}'
    return [_some(kind, [segment_id for segment_id, _ in wrong], message)]


def _area(segment: Mapping[str, Any]) -> float | None:
    """The area in the JSON, None when there is no number."""
    area = segment.get('area')
    return area if isinstance(area, int | float) else None


def _same_box(given: Any, box: NDArray[np.int64]) -> bool:
    if not (isinstance(given, list | tuple) and len(given) == 4):
        return False
    if not all(isinstance(value, int | float) for value in given):
        return False
    return bool((np.abs(np.subtract(given, box)) < _BOX_TOLERANCE).all())


def _some(kind: str, ids: Sequence[int], message: str) -> Finding:
    """A finding that names the first ids."""
    return Finding(kind, message, segment_ids=tuple(ids[:_NAMED]))
