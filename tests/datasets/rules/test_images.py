import numpy as np
import pytest

from einet.datasets.rules import image_findings, png_findings
from einet.structures.image_file import ImageHeader
from einet.structures.segment_pixels import measure_segments


def compare(id_map, *segments, size=None):
    """Findings about a PNG whose annotation lists segments of category 1."""
    pixels = measure_segments(np.array(id_map, np.uint32))
    listed = [dict(category_id=1) | segment for segment in segments]
    return list(png_findings(pixels, size or pixels.shape, listed, 'a.jpg'))


@pytest.mark.parametrize(
    ('header', 'found'),
    [
        (ImageHeader((4, 5), '', 1), []),
        (
            ImageHeader((5, 4), '', 6),
            [
                ('image-orientation', 'orientation 6'),
                (
                    'image-size',
                    'it is 4 x 5 (width x height), the annotation says 5 x 4 (width x height)',
                ),
            ],
        ),
        (ImageHeader((4, 5), 'I;16', 1), [('image-depth', 'PIL mode I;16')]),
    ],
)
def test_an_image_and_its_entry(header, found):
    findings = image_findings(header, dict(height=4, width=5))
    assert [(f.kind, f.message) for f in findings] == found


def test_a_map_of_void():
    (finding,) = compare([[0, 0]])
    assert (finding.kind, finding.message) == ('all-void', '0 segments in the annotation')


def test_another_size():
    (finding,) = compare([[8, 8, 8]], dict(id=8, area=3), size=(3, 1))
    assert finding.kind == 'png-size'
    assert finding.message == (
        'it is 3 x 1 (width x height), its image a.jpg 1 x 3 (width x height)'
    )


def test_ids_of_one_side():
    # 5 is listed in a wrong way, which is a finding about the annotation.
    wrong = dict(id=5, category_id=None)
    found = compare(
        [[8, 8, 5], [0, 8, 6]], dict(id=8, area=3, bbox=[0, 0, 2, 2]), dict(id=9, area=1), wrong
    )
    assert [(f.kind, f.segment_ids) for f in found] == [
        ('png-ids-unknown', (6,)),
        ('segment-without-pixels', (9,)),
    ]
    assert found[0].message == '1 ids, 1 pixels'


@pytest.mark.parametrize('area', [2, 3.5, None, 'three', float('nan')])
def test_wrong_areas(area):
    (finding,) = compare([[8, 8], [0, 8]], dict(id=8, area=area))
    assert finding.kind == 'area-differs'
    assert finding.message == f'1 of 1 segments; the first: JSON {area}, PNG 3'


@pytest.mark.parametrize(
    ('box', 'wrong'),
    [
        ([1, 0, 2, 3], False),
        ([1.4, 0.2, 1.9, 2.5], False),
        ([1, 0, 3, 3], True),
        ([0, 1, 3, 2], True),
        ([1, 0, 2], True),
        ('box', True),
        ([1, 0, 2, 'x'], True),
    ],
)
def test_boxes(box, wrong):
    id_map = np.zeros((4, 5), np.uint32)
    id_map[:3, 1:3] = 8
    found = compare(id_map, dict(id=8, area=6, bbox=box))
    assert [f.kind for f in found] == ['box-differs'] * wrong


def test_areas_that_sum_to_too_much_are_said_once():
    found = compare([[8, 9]], dict(id=8, area=2), dict(id=9, area=1))
    assert [f.kind for f in found] == ['area-sum']
