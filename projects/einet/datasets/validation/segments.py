"""The segments that an annotation lists for one image."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from ...structures.limits import MAX_ID
from ..transforms.loading import MAX_SEGMENTS
from .classes import ClassTable
from .findings import Finding


def check_segments(
    segments: Sequence[Any], table: ClassTable
) -> tuple[list[Mapping[str, Any]], list[Finding]]:
    """Check one image's ``segments_info`` by itself.

    Args:
        segments: its entries.
        table: classes of the data set.

    Returns:
        The segments with a valid id, each id once (the first one counts); and what is wrong,
        without file and image.
    """
    found: list[Finding] = []
    if len(segments) > MAX_SEGMENTS:
        found.append(Finding('too-many-segments', f'{len(segments)} segments'))
    valid: dict[int, Mapping[str, Any]] = {}
    for segment in segments:
        finding = _check_alone(segment) or _check_repeated(segment, valid)
        if finding:
            found.append(finding)
            continue
        valid[segment['id']] = segment
        if segment['category_id'] not in table.rows:
            message = f'category_id {segment["category_id"]!r}'
            found.append(Finding('category-unknown', message, segment_ids=(segment['id'],)))
    return list(valid.values()), found + _check_stuff(list(valid.values()), table)


def _check_alone(segment: Any) -> Finding | None:
    """What is wrong with a segment, whatever the others."""
    complete = (
        isinstance(segment, Mapping)
        and type(segment.get('id')) is int
        and isinstance(segment.get('category_id', []), Hashable)
        and segment.get('iscrowd', 0) in (0, 1)
    )
    if not complete:
        return Finding('segment-fields', f'one is {segment}')
    if not 0 < segment['id'] <= MAX_ID:
        message = f'id {segment["id"]}, category_id {segment["category_id"]!r}'
        return Finding('segment-id-range', message, segment_ids=(segment['id'],))
    return None


def _check_repeated(
    segment: Mapping[str, Any], earlier: Mapping[int, Mapping[str, Any]]
) -> Finding | None:
    """Whether an earlier segment has the same id."""
    if segment['id'] not in earlier:
        return None
    categories = earlier[segment['id']]['category_id'], segment['category_id']
    if categories[0] == categories[1]:
        kind, message = 'segment-id-twice', f'both of category {categories[0]!r}'
    else:
        kind, message = 'segment-id-two-categories', f'categories {categories[0]!r}, '
        message += repr(categories[1])
    return Finding(kind, message, segment_ids=(segment['id'],))


def _check_stuff(segments: Sequence[Mapping[str, Any]], table: ClassTable) -> list[Finding]:
    """Rules for stuff: one segment per class, none of them crowd."""
    stuff = []
    for segment in segments:
        row = table.rows.get(segment['category_id'])
        if row is not None and not table.classes[row].is_thing:
            stuff.append((segment['id'], table.classes[row].name, segment.get('iscrowd', 0)))
    found = [
        Finding('stuff-crowd', name, segment_ids=(segment_id,), class_name=name)
        for segment_id, name, crowd in stuff
        if crowd
    ]
    # Crowd is void in training and in scores, so it does not count as a second segment.
    for name, count in Counter(name for _, name, crowd in stuff if not crowd).items():
        if count > 1:
            ids = tuple(i for i, other, crowd in stuff if other == name and not crowd)
            message = f'{count} segments of {name}'
            found.append(Finding('stuff-twice', message, segment_ids=ids, class_name=name))
    return found
