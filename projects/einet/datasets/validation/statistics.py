"""What is in a data set: counts by (name of the class, column of :data:`COLUMNS`)."""

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.dataset import Compose
from numpy.typing import NDArray

from ...structures.segment_pixels import SegmentPixels
from ..rules import Category, Finding

#: Images that have the class; its segments (for things: instances) that are not crowd, and those
#: that are; its pixels in the PNGs, without crowd; things without a cell at stride 4.
COLUMNS = ('images', 'segments', 'crowd', 'pixels', 'tiny')
STRIDE = 4


def ids_at_stride(
    id_map: NDArray[np.uint32], resize: Compose | None, stride: int = STRIDE
) -> set[int]:
    """Find the ids that the model's maps see: those in the middle of their cells.

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


def image_counts(
    segments: Iterable[Mapping[str, Any]],
    pixels: SegmentPixels | None,
    visible: Collection[int],
    table: Mapping[Hashable, Category],
) -> Counter[tuple[str, str]]:
    """Count one image.

    Args:
        segments: Annotated ones with valid ids, each id once.
        pixels: Segments of the PNG; None when it cannot be read.
        visible: Ids with a cell at stride 4.
        table: Categories by id; segments of unknown categories are left out.

    Returns:
        Counts of the image.
    """
    counts: Counter[tuple[str, str]] = Counter()
    areas = {} if pixels is None else dict(zip(pixels.ids.tolist(), pixels.areas, strict=True))
    for segment in segments:
        category = table.get(segment['category_id'])
        if category is None:
            continue
        counts[category.name, 'images'] = 1
        if segment.get('iscrowd', 0):
            counts[category.name, 'crowd'] += 1
            continue
        counts[category.name, 'segments'] += 1
        if segment['id'] in areas:
            counts[category.name, 'pixels'] += int(areas[segment['id']])
            counts[category.name, 'tiny'] += category.is_thing and segment['id'] not in visible
    return counts


def count_findings(
    counts: Mapping[tuple[str, str], int],
    table: Mapping[Hashable, Category],
    classes: Collection[str],
) -> Iterator[Finding]:
    """Find classes that cannot be learned, or hardly.

    Args:
        counts: Counts of the whole data set.
        table: Categories by id.
        classes: Classes of the config; a category that only the file has is reported as that.

    Yields:
        At most two findings per class.
    """
    for row in class_rows(counts, table):
        if row['name'] in classes and not row['segments']:
            kind = 'thing' if row['is_thing'] else 'stuff'
            crowd = ', only crowd' if row['crowd'] else ''
            yield Finding('class-without-instances', f'{row["name"]} ({kind}){crowd}')
        if row['tiny']:
            message = f'{row["tiny"]} of {row["segments"]} instances of {row["name"]}'
            yield Finding('tiny-instances', message)


def class_rows(
    counts: Mapping[tuple[str, str], int], table: Mapping[Hashable, Category]
) -> list[dict[str, Any]]:
    """List the counts by class.

    Args:
        counts: Counts of the whole data set.
        table: Categories by id.

    Returns:
        One object per class, with ``name``, ``is_thing`` and :data:`COLUMNS`.
    """
    classes = {category.name: category for category in table.values()}
    return [
        dict(category._asdict(), **{column: counts.get((name, column), 0) for column in COLUMNS})
        for name, category in classes.items()
    ]


def table_rows(classes: Sequence[Mapping[str, Any]], num_pixels: int) -> list[list[str]]:
    """The counts as a table for people.

    Args:
        classes: Rows of :func:`class_rows`.
        num_pixels: Pixels of all PNGs.

    Returns:
        A header, one row per class that occurs, and one for void and crowd.
    """
    rows = [['class', 'kind', 'images', 'segments', 'crowd', 'pixels', 'no cell at stride 4']]
    for row in classes:
        if row['images']:
            kind, tiny = ('thing', str(row['tiny'])) if row['is_thing'] else ('stuff', '-')
            numbers = [str(row[column]) for column in ('images', 'segments', 'crowd')]
            rows.append([row['name'], kind, *numbers, _percent(row['pixels'], num_pixels), tiny])
    rest = num_pixels - sum(row['pixels'] for row in classes)
    return [*rows, ['void and crowd', '-', '-', '-', '-', _percent(rest, num_pixels), '-']]


def _percent(part: int, whole: int) -> str:
    return f'{100 * part / whole:.2f} %' if whole else '-'
