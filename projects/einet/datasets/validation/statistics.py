"""What is in a data set, by class.

Letters: C classes of the table. Counts are (C, 5) int64, their columns :data:`COLUMNS`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...structures.segment_pixels import SegmentPixels
from .classes import ClassTable
from .findings import Finding

#: Images that have the class; its segments (for things: instances) that are not crowd, and those
#: that are; its pixels in the PNGs, without crowd; things without a cell at stride 4.
COLUMNS = ('images', 'segments', 'crowd', 'pixels', 'tiny')
_IMAGES, _SEGMENTS, _CROWD, _PIXELS, _TINY = range(5)


def image_counts(
    segments: Iterable[Mapping[str, Any]],
    pixels: SegmentPixels | None,
    visible: set[int] | None,
    table: ClassTable,
) -> NDArray[np.int64]:
    """Count one image.

    Args:
        segments: of the annotation, with valid ids, each id once.
        pixels: segments of the PNG; None when it cannot be read.
        visible: ids with a cell at stride 4; None when it cannot be read.
        table: classes; segments of unknown categories are left out.

    Returns:
        Counts.
    """
    counts = np.zeros((len(table.classes), len(COLUMNS)), np.int64)
    rows = {} if pixels is None else pixels.rows()
    for segment in segments:
        row = table.rows.get(segment['category_id'])
        if row is None:
            continue
        counts[row, _IMAGES] = 1
        if segment.get('iscrowd', 0):
            counts[row, _CROWD] += 1
            continue
        counts[row, _SEGMENTS] += 1
        place = rows.get(segment['id'])
        if place is not None:
            counts[row, _PIXELS] += pixels.areas[place]
            counts[row, _TINY] += table.classes[row].is_thing and segment['id'] not in visible
    return counts


def check_counts(counts: NDArray[np.int64], table: ClassTable) -> list[Finding]:
    """Find classes that cannot be learned, or hardly.

    Args:
        counts: of the whole data set.
        table: classes.

    Returns:
        At most two findings per class.
    """
    found = []
    # A class that only one side has is reported as that.
    on_both_sides = {row for row in table.rows.values() if row < table.num_known}
    for label, (info, row) in enumerate(zip(table.classes, counts.tolist(), strict=True)):
        kind = 'thing' if info.is_thing else 'stuff'
        if label in on_both_sides and not row[_SEGMENTS]:
            message = f'{info.name} ({kind})' + (', only crowd' if row[_CROWD] else '')
            found.append(Finding('class-without-instances', message, class_name=info.name))
        if row[_TINY]:
            message = f'{row[_TINY]} of {row[_SEGMENTS]} instances of {info.name}'
            found.append(Finding('tiny-instances', message, class_name=info.name))
    return found


def table_rows(
    counts: NDArray[np.int64], table: ClassTable, num_pixels: int
) -> Sequence[Sequence[str]]:
    """The counts as a table for people.

    Args:
        counts: of the whole data set.
        table: classes.
        num_pixels: of all its PNGs.

    Returns:
        A header, one row per class that occurs, and one for void and crowd.
    """
    rows = [['class', 'kind', 'images', 'segments', 'crowd', 'pixels', 'no cell at stride 4']]
    for info, (images, segments, crowd, pixels, tiny) in zip(
        table.classes, counts.tolist(), strict=True
    ):
        if not images:
            continue
        kind, small = ('thing', str(tiny)) if info.is_thing else ('stuff', '-')
        share = _percent(pixels, num_pixels)
        rows.append([info.name, kind, str(images), str(segments), str(crowd), share, small])
    rest = num_pixels - int(counts[:, _PIXELS].sum())
    rows.append(['void and crowd', '-', '-', '-', '-', _percent(rest, num_pixels), '-'])
    return rows


def _percent(part: int, whole: int) -> str:
    return f'{100 * part / whole:.2f} %' if whole else '-'
