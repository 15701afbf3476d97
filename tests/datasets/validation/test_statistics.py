import numpy as np

from einet.datasets.validation.classes import ClassInfo, ClassTable
from einet.datasets.validation.statistics import check_counts, image_counts, table_rows
from einet.structures.segment_pixels import measure_segments

TABLE = ClassTable(
    (ClassInfo('man', True), ClassInfo('car', True), ClassInfo('sky', False), ClassInfo('?', True)),
    {5: 0, 7: 1, 30: 2, 99: 3},
    3,
)
ID_MAP = np.array([[1, 1, 1, 2], [4, 4, 3, 0], [9, 9, 9, 8]], np.uint32)
SEGMENTS = [
    dict(id=1, category_id=7),
    dict(id=2, category_id=7, iscrowd=0),
    dict(id=3, category_id=7, iscrowd=1),
    dict(id=4, category_id=30),
    dict(id=77, category_id=7),
    dict(id=9, category_id=1000),
]


def test_counts_of_an_image():
    counts = image_counts(SEGMENTS, measure_segments(ID_MAP), {2, 9}, TABLE)
    # Of the cars, 1 and 2 have pixels, 1 has no cell; stuff without a cell is no matter.
    assert counts.tolist() == [[0] * 5, [1, 3, 1, 4, 1], [1, 1, 0, 2, 0], [0] * 5]


def test_counts_without_a_png():
    counts = image_counts(SEGMENTS, None, None, TABLE)
    assert counts.tolist() == [[0] * 5, [1, 3, 1, 0, 0], [1, 1, 0, 0, 0], [0] * 5]


def test_findings():
    counts = np.array([[2, 0, 2, 0, 0], [1, 3, 1, 4, 1], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]])
    found = [(f.kind, f.class_name, f.message) for f in check_counts(counts, TABLE)]
    assert found == [
        ('class-without-instances', 'man', 'man (thing), only crowd'),
        ('tiny-instances', 'car', '1 of 3 instances of car'),
        ('class-without-instances', 'sky', 'sky (stuff)'),
    ]


def test_table():
    counts = np.array([[0, 0, 0, 0, 0], [1, 3, 1, 4, 1], [1, 1, 0, 2, 0], [0, 0, 0, 0, 0]])
    header, *rows = table_rows(counts, TABLE, 12)
    assert len(header) == 7
    assert rows == [
        ['car', 'thing', '1', '3', '1', '33.33 %', '1'],
        ['sky', 'stuff', '1', '1', '0', '16.67 %', '-'],
        ['void and crowd', '-', '-', '-', '-', '50.00 %', '-'],
    ]
    assert table_rows(counts, TABLE, 0)[1][5] == '-'
