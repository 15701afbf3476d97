import pytest

from einet.datasets.rules import (
    Category,
    annotated_segment_findings,
    segment_findings,
    valid_segments,
)

TABLE = {7: Category('car', True), 30: Category('sky', False)}


def check(*segments):
    valid = [s['id'] for s in valid_segments(segments)]
    return valid, [(f.kind, f.segment_ids) for f in segment_findings(segments, TABLE)]


def segment(segment_id, category=7, crowd=0):
    return dict(id=segment_id, category_id=category, iscrowd=crowd)


def test_valid_segments():
    assert check() == ([], [])
    segments = [segment(5), segment(3), segment(4, crowd=1), segment(6, crowd=1), segment(9, 30)]
    assert check(*segments) == ([5, 3, 4, 6, 9], [])
    assert check(dict(id=256**3 - 1, category_id=7)) == ([256**3 - 1], [])


@pytest.mark.parametrize(
    'wrong',
    [
        'text',
        {},
        dict(id=2),
        dict(category_id=7),
        dict(id='2', category_id=7),
        dict(id=2.0, category_id=7),
        dict(id=True, category_id=7),
        dict(id=2, category_id=[7]),
        dict(id=2, category_id=7, iscrowd=None),
        dict(id=2, category_id=7, iscrowd=2),
    ],
)
def test_incomplete_segments_are_left_out(wrong):
    assert check(segment(1), wrong) == ([1], [('segment-fields', ())])


@pytest.mark.parametrize('segment_id', [0, -1, 256**3])
def test_ids_out_of_range_are_left_out(segment_id):
    assert check(segment(segment_id)) == ([], [('segment-id-range', (segment_id,))])


def test_a_segment_of_an_unknown_category_is_kept():
    assert check(segment(2, 8)) == ([2], [('category-unknown', (2,))])


def test_repeated_ids():
    found = check(segment(1), segment(1), segment(1, 30))
    assert found == ([1], [('segment-id-twice', (1,)), ('segment-id-two-categories', (1,))])


def test_stuff():
    assert check(segment(1, 30), segment(2, 30), segment(3, 30))[1] == [('stuff-twice', (1, 2, 3))]
    # Crowd is void: one segment is left.
    assert check(segment(1, 30), segment(2, 30, 1))[1] == [('stuff-crowd', (2,))]


def test_more_segments_than_16_bits_hold():
    found = check(*(segment(i) for i in range(1, 65536)))[1]
    assert found == [('too-many-segments', ())]


def test_findings_name_image_and_png():
    annotation = dict(image_id='a', file_name='a.png', segments_info=[segment(3, 8)])
    (finding,) = annotated_segment_findings(
        [None, dict(annotation, image_id=None), annotation], TABLE
    )
    assert (finding.image_id, finding.message) == ('a', 'category_id 8 (a.png)')
