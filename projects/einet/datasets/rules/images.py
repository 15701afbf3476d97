"""Rules for an image and its PNG, against each other and the annotation file."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from operator import eq
from typing import Any

import numpy as np

from ...structures.image_file import ImageHeader
from ...structures.segment_pixels import SegmentPixels
from .findings import Finding
from .segments import valid_segments

# Boxes made of polygons have fractions.
_BOX_TOLERANCE = 1.0
_IDS_NAMED = 10


def image_findings(header: ImageHeader, image: Mapping[str, Any]) -> Iterator[Finding]:
    """Compare an image with its entry in ``images``.

    Args:
        header: Size and depth of the file.
        image: Complete entry.

    Yields:
        An EXIF orientation, another size, and more than 8 bits per channel.
    """
    if header.orientation != 1:
        yield Finding('image-orientation', f'orientation {header.orientation}')
    said = image['height'], image['width']
    if header.size != said:
        message = f'it is {_size(header.size)}, the annotation says {_size(said)}'
        yield Finding('image-size', message)
    if header.depth:
        yield Finding('image-depth', f'PIL mode {header.depth}')


def png_size_findings(
    shape: Sequence[int], image_size: Sequence[int], img_path: str
) -> Iterator[Finding]:
    """Compare the (height, width) of a PNG with that of its image; at most one finding."""
    if tuple(shape) != tuple(image_size):
        message = f'it is {_size(shape)}, its image {img_path} {_size(image_size)}'
        yield Finding('png-size', message)


def unknown_id_findings(ids: Sequence[int], num_pixels: int) -> Iterator[Finding]:
    """Report ids of a PNG that its annotation lacks, with all their pixels; at most one finding."""
    if len(ids):
        yield _some('png-ids-unknown', ids, f'{len(ids)} ids, {num_pixels} pixels')


def png_findings(
    pixels: SegmentPixels, image_size: Sequence[int], segments_info: Sequence[Any], img_path: str
) -> Iterator[Finding]:
    """Compare a PNG with its image and its annotation.

    Args:
        pixels: Segments of the PNG.
        image_size: (height, width) of the image.
        segments_info: Entries of the annotation; ``area`` and ``bbox`` may lack.
        img_path: Path of the image.

    Yields:
        At most one finding of each kind.
    """
    yield from png_size_findings(pixels.shape, image_size, img_path)
    segments, measured = valid_segments(segments_info), {s['id']: s for s in pixels.describe()}
    if not measured:
        yield Finding('all-void', f'{len(segments)} segments in the annotation')
    # An id that is listed in a wrong way is reported as that, and not as unknown as well.
    listed = {s.get('id') for s in segments_info if isinstance(s, dict) and _is_number(s.get('id'))}
    unknown = [segment_id for segment_id in measured if segment_id not in listed]
    yield from unknown_id_findings(unknown, sum(measured[i]['area'] for i in unknown))
    if absent := [s['id'] for s in segments if s['id'] not in measured]:
        message = f'{len(absent)} of {len(segments)} segments'
        yield _some('segment-without-pixels', absent, message)
    pairs = [(s, measured[s['id']]) for s in segments if s['id'] in measured]
    total = sum(s['area'] for s in segments if _is_number(s.get('area')))
    if total > prod(pixels.shape):
        message = f'areas sum to {total:g}, the image has {prod(pixels.shape)} pixels'
        yield Finding('area-sum', message)
    else:
        # Areas that sum to too much differ from the PNG anyway: saying so twice helps nobody.
        yield from _differences('area-differs', 'area', pairs, eq)
    # A box is optional: nothing reads it but detectors.
    with_box = [(segment, png) for segment, png in pairs if segment.get('bbox') is not None]
    yield from _differences('box-differs', 'bbox', with_box, _same_box)


def _differences(
    kind: str,
    key: str,
    pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]],
    is_same: Callable[[Any, Any], bool],
) -> Iterator[Finding]:
    """Compare a field of segments in JSON and PNG; at most one finding."""
    wrong = [(one, other) for one, other in pairs if not is_same(one.get(key), other[key])]
    if wrong:
        first = f'the first: JSON {wrong[0][0].get(key)}, PNG {wrong[0][1][key]}'
        message = f'{len(wrong)} of {len(pairs)} segments; {first}'
        yield _some(kind, [segment['id'] for segment, _ in wrong], message)


def _same_box(given: Any, box: Sequence[int]) -> bool:
    if not (isinstance(given, list | tuple) and len(given) == 4 and all(map(_is_number, given))):
        return False
    return bool((np.abs(np.subtract(given, box)) < _BOX_TOLERANCE).all())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _some(kind: str, ids: Sequence[int], message: str) -> Finding:
    """A finding that names the first ids."""
    return Finding(kind, message, segment_ids=tuple(ids[:_IDS_NAMED]))


def _size(shape: Sequence[int]) -> str:
    return f'{shape[1]} x {shape[0]} (width x height)'
