import pytest

from einet.datasets.validation.annotations import check_layout, check_locations, pair_records


def image(image_id=1, **fields):
    return dict(id=image_id, file_name=f'{image_id}.jpg', height=4, width=5) | fields


def annotation(image_id=1, **fields):
    return dict(image_id=image_id, file_name=f'{image_id}.png', segments_info=[]) | fields


def pair(images, annotations, test_mode=False):
    records, found = pair_records(dict(images=images, annotations=annotations), test_mode, 'x.json')
    return records, [(f.kind, f.image_id) for f in found]


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ([], 'it holds a list'),
        (dict(images=[image()], annotations=[]), r"lacks \['categories'\]"),
        (dict(categories=[], images=[], annotations=[]), '`images` is empty'),
        (dict(categories=[], images={}, annotations=[]), r"\['images'\] must be lists"),
    ],
)
def test_files_of_another_layout(content, message):
    import re

    (finding,) = check_layout(content, False, 'x.json')
    assert re.search(message, finding.message)
    assert (finding.kind, finding.file) == ('annotation-file', 'x.json')


def test_test_images_need_no_annotations():
    content = dict(categories=[], images=[image()])
    assert check_layout(content, True, 'x.json') == []
    assert len(check_layout(content, False, 'x.json')) == 1
    records, found = pair_records(content, True, 'x.json')
    assert [(record.annotation, record.index) for record in records] == [(None, None)]
    assert found == []


def test_but_all_or_none():
    assert pair([image(1), image(2)], [annotation(2)], True)[1] == [('image-without-annotation', 1)]


def test_pairs_are_found_by_id():
    records, found = pair([image('b'), image(3)], [annotation(3), annotation('b')])
    assert found == []
    assert [(r.image['id'], r.annotation['image_id'], r.index) for r in records] == [
        ('b', 'b', 1),
        (3, 3, 0),
    ]


@pytest.mark.parametrize(
    'wrong',
    [
        'text',
        dict(id=1),
        image(None),
        image(True),
        image(1.5),
        image(file_name=''),
        image(file_name=None),
        image(height=0),
        image(width='5'),
    ],
)
def test_incomplete_images_are_left_out(wrong):
    records, found = pair([wrong, image(2)], [annotation(2)])
    assert [kind for kind, _ in found] == ['image-fields']
    assert [record.image['id'] for record in records] == [2]


@pytest.mark.parametrize(
    'wrong', ['text', {}, annotation(None), annotation(file_name=3), annotation(segments_info={})]
)
def test_incomplete_annotations_are_left_out(wrong):
    records, found = pair([image(2)], [wrong, annotation(2)])
    assert found == [('annotation-fields', None)]
    assert records[0].index == 1


def test_an_id_of_another_type_is_pointed_out():
    content = dict(images=[image(1)], annotations=[annotation('1')])
    orphan, without = pair_records(content, False, 'x.json')[1]
    assert orphan.message == "annotation 1.png has image_id '1'; `images` has 1, of another type"
    assert without.kind == 'image-without-annotation'


def test_of_doubles_the_first_counts():
    images = [image(1), image(1, file_name='other.jpg')]
    annotations = [annotation(1), annotation(1, file_name='other.png')]
    records, found = pair(images, annotations)
    assert found == [('image-id-twice', 1), ('annotation-twice', 1)]
    assert [(r.image['file_name'], r.annotation['file_name']) for r in records] == [
        ('1.jpg', '1.png')
    ]


def test_locations():
    names = ['a.jpg', 'a/b.jpg', 'a/../b.jpg', '..b.jpg', '../b.jpg', 'a/../../b.jpg', '/b.jpg']
    images = [image(i, file_name=name) for i, name in enumerate(names)]
    records, _ = pair(images, [annotation(i) for i in range(len(names))])
    found = check_locations(records, lambda entry: entry['file_name'], 'x.json')
    assert [(f.kind, f.image_id) for f in found] == [('outside-folder', i) for i in (4, 5, 6)]
