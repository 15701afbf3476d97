"""Rules for the segments that an annotation lists for one image."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...structures.limits import MAX_ID, MAX_SEGMENTS
from .annotations import annotation_is_complete
from .classes import Category
from .findings import Finding


def annotated_segment_findings(
    annotations: Iterable[Any], table: Mapping[Hashable, Category]
) -> Iterator[Finding]:
    """Check the segments of all annotations that are complete.

    Args:
        annotations: Entries of the annotation file.
        table: Categories by id.

    Yields:
        What :func:`segment_findings` yields, with image and PNG.
    """
    for annotation in annotations:
        if annotation_is_complete(annotation):
            for finding in segment_findings(annotation['segments_info'], table):
                message = f'{finding.message} ({annotation["file_name"]})'
                yield replace(finding, message=message, image_id=annotation['image_id'])


def segment_findings(
    segments: Sequence[Any], table: Mapping[Hashable, Category]
) -> Iterator[Finding]:
    """Check one image's ``segments_info`` by itself.

    Args:
        segments: Its entries.
        table: Categories by id.

    Yields:
        Too many segments; segments that are incomplete, with an id out of range, used twice or for
        two categories, or with a category that the file lacks; stuff that is crowd or in parts.
    """
    yield from segment_count_findings(segments)
    earlier: dict[int, Hashable] = {}
    stuff: dict[str, list[int]] = {}
    for segment in segments:
        finding = _alone(segment) or _repeated(segment, earlier)
        if finding:
            yield finding
            continue
        segment_id, category_id = segment['id'], segment['category_id']
        earlier[segment_id] = category_id
        category = table.get(category_id)
        if category is None:
            message = f'category_id {category_id!r}'
            yield Finding('category-unknown', message, segment_ids=(segment_id,))
        elif not category.is_thing and segment.get('iscrowd', 0):
            yield Finding('stuff-crowd', category.name, segment_ids=(segment_id,))
        elif not category.is_thing:
            # Crowd is void in training and in scores, so it is no second segment.
            stuff.setdefault(category.name, []).append(segment_id)
    for name, ids in stuff.items():
        if len(ids) > 1:
            yield Finding('stuff-twice', f'{len(ids)} segments of {name}', segment_ids=tuple(ids))


def segment_count_findings(segments: Sequence[Any]) -> Iterator[Finding]:
    """Check that a 16-bit map can tell the segments apart.

    Args:
        segments: One image's.

    Yields:
        At most one finding.
    """
    if len(segments) > MAX_SEGMENTS:
        yield Finding('too-many-segments', f'{len(segments)} segments')


def segment_is_complete(segment: Any) -> bool:
    """Say whether an entry of ``segments_info`` has its fields, each of the right type."""
    return (
        isinstance(segment, dict)
        and type(segment.get('id')) is int
        and type(segment.get('category_id')) in (int, str)
        and segment.get('iscrowd', 0) in (0, 1)
    )


def valid_segments(segments: Iterable[Any]) -> list[Mapping[str, Any]]:
    """Keep the segments that a PNG can show, each id once; the first one counts."""
    valid: dict[int, Mapping[str, Any]] = {}
    for segment in segments:
        if segment_is_complete(segment) and 0 < segment['id'] <= MAX_ID:
            valid.setdefault(segment['id'], segment)
    return list(valid.values())


def _alone(segment: Any) -> Finding | None:
    """What is wrong with a segment, whatever the others."""
    if not segment_is_complete(segment):
        return Finding('segment-fields', f'one is {segment}')
    segment_id = segment['id']
    if not 0 < segment_id <= MAX_ID:
        message = f'id {segment_id}, category_id {segment["category_id"]!r}'
        return Finding('segment-id-range', message, segment_ids=(segment_id,))
    return None


def _repeated(segment: Mapping[str, Any], earlier: Mapping[int, Hashable]) -> Finding | None:
    """Whether an earlier segment has the same id."""
    segment_id, category_id = segment['id'], segment['category_id']
    if segment_id not in earlier:
        return None
    if earlier[segment_id] == category_id:
        message = f'both of category {category_id!r}'
        return Finding('segment-id-twice', message, segment_ids=(segment_id,))
    message = f'categories {earlier[segment_id]!r}, {category_id!r}'
    return Finding('segment-id-two-categories', message, segment_ids=(segment_id,))
