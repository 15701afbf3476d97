import re

import pytest

from einet.datasets.rules import (
    layout_findings,
    link_findings,
    location_findings,
    record_findings,
)


def image(image_id=1, **fields):
    return dict(id=image_id, file_name=f'{image_id}.jpg', height=4, width=5) | fields


def annotation(image_id=1, **fields):
    return dict(image_id=image_id, file_name=f'{image_id}.png', segments_info=[]) | fields


def found(images, annotations, test_mode=False):
    content = dict(images=images, annotations=annotations)
    return [(f.kind, f.image_id) for f in record_findings(content, test_mode)]


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
    (finding,) = layout_findings(content, test_mode=False)
    assert finding.kind == 'annotation-file'
    assert re.search(message, finding.message)


def test_test_images_need_no_annotations():
    content = dict(categories=[], images=[image()])
    assert list(layout_findings(content, test_mode=True)) == []
    (finding,) = layout_findings(content, test_mode=False)
    assert "lacks ['annotations']" in finding.message
    assert list(record_findings(content, test_mode=True)) == []
    assert found([image()], [], test_mode=False) == [('image-without-annotation', 1)]


def test_but_all_or_none():
    images = [image(1), image(2)]
    assert found(images, [annotation(2)], test_mode=True) == [('image-without-annotation', 1)]


def test_pairs_are_found_by_id():
    assert found([image('b'), image(3)], [annotation(3), annotation('b')]) == []


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
        image(width=True),
    ],
)
def test_incomplete_images(wrong):
    kinds = [kind for kind, _ in found([wrong, image(2)], [annotation(2)])]
    assert kinds == ['image-fields']


@pytest.mark.parametrize(
    'wrong', ['text', {}, annotation(None), annotation(file_name=3), annotation(segments_info={})]
)
def test_incomplete_annotations(wrong):
    assert found([image(2)], [wrong, annotation(2)]) == [('annotation-fields', None)]


def test_an_incomplete_annotation_still_belongs_to_its_image():
    wrong = annotation(1)
    del wrong['segments_info']
    assert found([image(1), image(2)], [wrong, annotation(2)]) == [('annotation-fields', None)]


def test_an_annotation_of_an_incomplete_image_is_no_orphan():
    assert found([image(1, height=0)], [annotation(1)]) == [('image-fields', 1)]


def test_an_id_of_another_type_is_pointed_out():
    content = dict(images=[image(1)], annotations=[annotation('1')])
    orphan, without = record_findings(content, test_mode=False)
    assert orphan.message == "annotation 1.png has image_id '1'; `images` has 1, of another type"
    assert (without.kind, without.message) == ('image-without-annotation', '1.jpg')


def test_doubles():
    images = [image(1), image(1, file_name='other.jpg'), image(2, file_name='1.jpg')]
    annotations = [annotation(1), annotation(1, file_name='other.png')]
    annotations.append(annotation(2, file_name='1.png'))
    content = dict(images=images, annotations=annotations)
    assert [(f.kind, f.image_id, f.message) for f in record_findings(content, False)] == [
        ('image-id-twice', 1, '1.jpg and other.jpg'),
        ('image-name-twice', None, '2 images have file_name 1.jpg'),
        ('annotation-twice', 1, 'annotations 1.png and other.png'),
        ('png-name-twice', None, '2 annotations have file_name 1.png'),
    ]


def test_locations():
    names = ['a.jpg', 'a/b.jpg', 'a/../b.jpg', '..b.jpg', '../b.jpg', 'a/../../b.jpg', '/b.jpg']
    outside = [finding.message for finding in location_findings(names)]
    assert outside == [f'file_name {name}' for name in names[4:]]


def test_links(tmp_path):
    inside, outside = tmp_path / 'real' / 'train', tmp_path / 'elsewhere'
    inside.mkdir(parents=True)
    outside.mkdir()
    for folder in (inside, outside):
        (folder / 'a.jpg').touch()
    (inside / 'near.jpg').symlink_to(inside / 'a.jpg')
    (inside / 'far.jpg').symlink_to(outside / 'a.jpg')
    (inside / 'city').symlink_to(outside)
    (tmp_path / 'train').symlink_to(inside)  # the whole folder
    for folder in (inside, tmp_path / 'train'):
        found = {
            name: [finding.kind for finding in link_findings(str(folder / name), str(folder))]
            for name in ('a.jpg', 'near.jpg', 'far.jpg', 'city/a.jpg', 'missing.jpg', '../a.jpg')
        }
        assert [name for name, kinds in found.items() if kinds] == ['far.jpg', 'city/a.jpg']
    (finding,) = link_findings(f'{inside}/far.jpg', f'{inside}/')
    assert finding.message == f'{inside}/far.jpg is a link to {outside}/a.jpg'


def test_a_name_that_no_file_can_have(tmp_path):
    (finding,) = location_findings(['a.jpg', 'a\0.jpg'])
    assert finding.message == r'file_name a\0.jpg'
    assert list(link_findings(f'{tmp_path}/a\0.jpg', str(tmp_path))) == []
