"""A corrected copy of an annotation file: areas and boxes as the PNGs have them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from .maps import SegmentPixels


class Repaired(NamedTuple):
    """A corrected copy.

    Attributes:
        content: of the new file; the old one's parts are shared, not changed.
        changed: segments with another area or box than before.
        dropped: segments that were left out.
        untouched: annotations whose PNG could not be read.
    """

    content: dict[str, Any]
    changed: int
    dropped: int
    untouched: int


def repair_areas(
    content: Mapping[str, Any], pixels: Mapping[int, SegmentPixels], drop_missing: bool
) -> Repaired:
    """Recompute areas and boxes.

    Args:
        content: of the annotation file.
        pixels: segments of the PNG, by index of the annotation; others are left as they are.
        drop_missing: leave out segments without a pixel; otherwise they get area 0.

    Returns:
        The copy.
    """
    annotations, changed, dropped = [], 0, 0
    for index, annotation in enumerate(content['annotations']):
        if index in pixels:
            old = annotation['segments_info']
            rows = pixels[index].rows()
            kept = [s for s in old if not (drop_missing and _is_missing(s, rows))]
            new = [_repair_segment(segment, pixels[index], rows) for segment in kept]
            changed += sum(a != b for a, b in zip(kept, new, strict=True))
            dropped += len(old) - len(kept)
            annotation = {**annotation, 'segments_info': new}
        annotations.append(annotation)
    untouched = len(annotations) - len(pixels)
    return Repaired({**content, 'annotations': annotations}, changed, dropped, untouched)


def write_new(content: Mapping[str, Any], path: Path) -> None:
    """Write a JSON file, whole or not at all.

    Args:
        content: of the file.
        path: must not exist.

    Raises:
        FileExistsError: when it does.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f'{path.name}.partial')
    partial.write_text(json.dumps(content))
    if path.exists():
        raise FileExistsError(f'{path} exists already; it is left as it is, see {partial}')
    partial.replace(path)


def _repair_segment(segment: Any, pixels: SegmentPixels, rows: Mapping[int, int]) -> Any:
    """A copy with area and box; what is no segment with an id stays as it is."""
    if _id(segment) is None:
        return segment
    row = rows.get(_id(segment))
    if row is None:
        return {**segment, 'area': 0, 'bbox': [0, 0, 0, 0]}
    return {**segment, 'area': int(pixels.areas[row]), 'bbox': pixels.boxes[row].tolist()}


def _is_missing(segment: Any, rows: Mapping[int, int]) -> bool:
    """Whether a segment has an id that the PNG lacks."""
    return _id(segment) is not None and _id(segment) not in rows


def _id(segment: Any) -> int | None:
    is_id = isinstance(segment, Mapping) and type(segment.get('id')) is int
    return segment['id'] if is_id else None
