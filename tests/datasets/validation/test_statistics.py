from collections import Counter

import numpy as np
import pytest
import torch
from mmengine.dataset import Compose

from einet.datasets.rules import Category
from einet.datasets.validation.statistics import (
    class_rows,
    count_findings,
    ids_at_stride,
    image_counts,
    table_rows,
)
from einet.models.coarse_maps import nearest
from einet.structures.segment_pixels import measure_segments

TABLE = {
    5: Category('man', True),
    7: Category('car', True),
    30: Category('sky', False),
    99: Category('?', True),
}
ID_MAP = np.array([[1, 1, 1, 2], [4, 4, 3, 0], [9, 9, 9, 8]], np.uint32)
SEGMENTS = [
    dict(id=1, category_id=7),
    dict(id=2, category_id=7, iscrowd=0),
    dict(id=3, category_id=7, iscrowd=1),
    dict(id=4, category_id=30),
    dict(id=77, category_id=7),
    dict(id=9, category_id=1000),
]


def rows(counts):
    return [list(row.values())[2:] for row in class_rows(counts, TABLE)]


def counted(*numbers):
    """Counts of man, car and sky: images, segments, crowd, pixels, tiny."""
    columns = ('images', 'segments', 'crowd', 'pixels', 'tiny')
    return Counter(
        {
            (name, column): count
            for name, row in zip(('man', 'car', 'sky'), numbers, strict=True)
            for column, count in zip(columns, row, strict=True)
        }
    )


def test_counts_of_an_image():
    counts = image_counts(SEGMENTS, measure_segments(ID_MAP), {2, 9}, TABLE)
    # Of the cars, 1 and 2 have pixels, 1 has no cell; stuff without a cell is no matter.
    assert rows(counts) == [[0] * 5, [1, 3, 1, 4, 1], [1, 1, 0, 2, 0], [0] * 5]


def test_counts_without_a_png():
    counts = image_counts(SEGMENTS, None, set(), TABLE)
    assert rows(counts) == [[0] * 5, [1, 3, 1, 0, 0], [1, 1, 0, 0, 0], [0] * 5]


def test_findings():
    counts = counted((2, 0, 2, 0, 0), (1, 3, 1, 4, 1), (0, 0, 0, 0, 0))
    found = [(f.kind, f.message) for f in count_findings(counts, TABLE, ('man', 'car', 'sky'))]
    assert found == [
        ('class-without-instances', 'man (thing), only crowd'),
        ('tiny-instances', '1 of 3 instances of car'),
        ('class-without-instances', 'sky (stuff)'),
    ]


def test_table():
    counts = counted((0, 0, 0, 0, 0), (1, 3, 1, 4, 1), (1, 1, 0, 2, 0))
    header, *lines = table_rows(class_rows(counts, TABLE), 12)
    assert len(header) == 7
    assert lines == [
        ['car', 'thing', '1', '3', '1', '33.33 %', '1'],
        ['sky', 'stuff', '1', '1', '0', '16.67 %', '-'],
        ['void and crowd', '-', '-', '-', '-', '50.00 %', '-'],
    ]
    assert table_rows(class_rows(counts, TABLE), 0)[1][5] == '-'


@pytest.mark.parametrize('shape', [(3, 2), (4, 4), (10, 23), (32, 64)])
def test_cells_are_those_of_the_targets(shape):
    id_map = np.arange(1, np.prod(shape) + 1, dtype=np.uint32).reshape(shape)
    padded = torch.zeros(32, 64, dtype=torch.long)
    padded[: shape[0], : shape[1]] = torch.from_numpy(id_map.astype(np.int64))
    seen = set(nearest(padded, (8, 16)).flatten().tolist()) - {0}
    assert ids_at_stride(id_map, None) == seen


def test_the_map_is_resized_first():
    id_map = np.zeros((8, 8), np.uint32)
    id_map[1, 1] = 256**3 - 1
    assert ids_at_stride(id_map, None) == set()
    larger = Compose([dict(type='Resize', scale=(32, 32), keep_ratio=True)])
    assert ids_at_stride(id_map, larger) == {256**3 - 1}
    assert id_map.sum() == 256**3 - 1
