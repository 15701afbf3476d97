"""A corrected copy of an annotation file: areas and boxes as the PNGs have them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ...structures.segment_pixels import SegmentPixels


class Repaired(NamedTuple):
    """A corrected copy.

    Attributes:
        content: New file's content; the old one's parts are shared, not changed.
        changed: Segments with another area or box than before.
        dropped: Segments that were left out.
        untouched: Annotations whose PNG could not be read.
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
        content: Annotation file's content.
        pixels: Segments of the PNG, by index of the annotation; others are left as they are.
        drop_missing: Leave out segments without a pixel; otherwise they get area 0.

    Returns:
        The copy.
    """
    annotations, changed, dropped = [], 0, 0
    for index, annotation in enumerate(content['annotations']):
        if index in pixels:
            old = annotation['segments_info']
            measured = {segment['id']: segment for segment in pixels[index].describe()}
            kept = [s for s in old if not (drop_missing and _is_missing(s, measured))]
            new = [_repair_segment(segment, measured) for segment in kept]
            changed += sum(a != b for a, b in zip(kept, new, strict=True))
            dropped += len(old) - len(kept)
            annotation = {**annotation, 'segments_info': new}
        annotations.append(annotation)
    untouched = len(annotations) - len(pixels)
    return Repaired({**content, 'annotations': annotations}, changed, dropped, untouched)


def _repair_segment(segment: Any, measured: Mapping[int, Mapping[str, Any]]) -> Any:
    """A copy with area and box; what is no segment with an id stays as it is."""
    if _id(segment) is None:
        return segment
    return {**segment, **measured.get(_id(segment), dict(area=0, bbox=[0, 0, 0, 0]))}


def _is_missing(segment: Any, measured: Mapping[int, Mapping[str, Any]]) -> bool:
    """Whether a segment has an id that the PNG lacks."""
    return _id(segment) is not None and _id(segment) not in measured


def _id(segment: Any) -> int | None:
    is_id = isinstance(segment, Mapping) and type(segment.get('id')) is int
    return segment['id'] if is_id else None
