import json
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as rle_masks

from einet.datasets.conversion.coco_instances import paint_instances, read_coco_instances

CATEGORIES = [
    dict(id=300, name='car', isthing=1),
    dict(id=7, name='road', isthing=0),
    dict(id=0, name='man', isthing=1),
]


def write(path, **changes):
    content = dict(
        images=[dict(id=4, file_name='a.jpg'), dict(id=9, file_name='b.jpg')],
        categories=[dict(id=1, name='man'), dict(id=2, name='car'), dict(id=3, name='dog')],
        annotations=[
            dict(id=0, image_id=9, category_id=2),
            dict(id=1, image_id=9, category_id=1),
        ],
    )
    path.write_text(json.dumps(content | changes))
    return path


def test_categories_are_matched_by_name_and_images_by_file_name(tmp_path):
    found = read_coco_instances(write(tmp_path / 'x.json'), CATEGORIES)
    assert found == {
        'a.jpg': [],
        'b.jpg': [
            dict(id=0, image_id=9, category_id=300),
            dict(id=1, image_id=9, category_id=0),
        ],
    }


def test_annotations_of_other_categories(tmp_path):
    path = write(tmp_path / 'x.json', annotations=[dict(id=0, image_id=9, category_id=3)])
    with pytest.raises(ValueError, match=r"x\.json has annotations of \['dog'\], .*'man'\]"):
        read_coco_instances(path, CATEGORIES)


def test_annotations_of_no_image(tmp_path):
    path = write(tmp_path / 'x.json', annotations=[dict(id=6, image_id=5, category_id=1)])
    with pytest.raises(ValueError, match=r'x\.json: annotation 6 is of no image'):
        read_coco_instances(path, CATEGORIES)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(images=None), r"lacks the list 'images'"),
        (dict(categories=dict(id=1, name='man')), r"lacks the list 'categories'"),
        (dict(images=[dict(id=4)]), r"an entry of 'images' lacks \['file_name'\]: \{'id': 4\}"),
        (dict(categories=[dict(name='man')]), r"an entry of 'categories' lacks \['id'\]"),
        (dict(annotations=[dict(id=6)]), r"lacks \['image_id', 'category_id'\]: \{'id': 6\}"),
        (dict(annotations=['dog']), r"lacks \['image_id', 'category_id'\]: dog"),
    ],
)
def test_entries_that_lack_a_key(tmp_path, changes, message):
    with pytest.raises(ValueError, match=rf'x\.json.* {message}'):
        read_coco_instances(write(tmp_path / 'x.json', **changes), CATEGORIES)


def rle(mask):
    """Uncompressed: lengths of zeros and ones in turn, column by column."""
    values = np.asarray(mask).T.ravel()
    counts, current = [0], 0
    for value in values.tolist():
        if value != current:
            counts.append(0)
            current = value
        counts[-1] += 1
    return dict(size=[len(mask), len(mask[0])], counts=counts)


def test_crowds_first_then_from_large_to_small():
    masks = dict(
        small=[[0, 1, 0], [0, 0, 0]],
        large=[[1, 1, 0], [0, 0, 0]],
        crowd=[[1, 1, 1], [0, 0, 1]],
    )
    annotations = [
        dict(id=0, category_id=5, segmentation=rle(masks['small'])),
        dict(id=1, category_id=6, segmentation=rle(masks['large'])),
        dict(id=2, category_id=8, segmentation=rle(masks['crowd']), iscrowd=1),
    ]
    before = np.full((2, 3), 7, np.uint8)
    semantic, instances = paint_instances(before, annotations, Path('a.jpg'))
    assert semantic.tolist() == [[6, 5, 8], [7, 7, 8]]
    assert instances.tolist() == [[2, 3, 0], [0, 0, 0]]
    assert (before == 7).all()


@pytest.mark.parametrize('share', [0.001, 0.1, 0.5])
def test_compressed_masks_are_those_of_pycocotools(share):
    mask = np.random.default_rng(0).random((150, 200)) < share
    compressed = rle_masks.encode(np.asfortranarray(mask, np.uint8))
    segmentation = dict(size=[150, 200], counts=compressed['counts'].decode())
    annotations = [dict(id=0, category_id=5, segmentation=segmentation)]
    semantic, _ = paint_instances(np.zeros(mask.shape, int), annotations, Path('a.jpg'))
    assert (semantic == np.where(mask, 5, 0)).all()


def test_a_polygon():
    annotations = [dict(id=0, category_id=5, segmentation=[[0, 0, 2, 0, 2, 1, 0, 1]])]
    semantic, _ = paint_instances(np.zeros((2, 3), int), annotations, Path('a.jpg'))
    assert semantic.tolist() == [[5, 5, 0], [0, 0, 0]]


@pytest.mark.parametrize(
    ('segmentation', 'message'),
    [
        (dict(size=[3, 2], counts=[0, 6]), r'a\.jpg has 3 x 2 pixels, the mask of .* 0 2 x 3'),
        (None, r'a\.jpg: the segmentation of annotation 0 is neither polygons nor RLE'),
        (dict(size=[2, 3], counts=[]), r'a\.jpg: .* 0 is .* its runs have 0 pixels, not 3 x 2'),
        (dict(size=[2, 3], counts=[0, 5]), r'a\.jpg: .* 0 is .* its runs have 5 pixels, not 3 x 2'),
        (dict(size=[2, 3], counts=[2, 5]), r'a\.jpg: .* 0 is .* its runs have 7 pixels, not 3 x 2'),
        (dict(size=[2, 3], counts=[9, -3]), r'a\.jpg: .* annotation 0 is .*: a run is negative'),
        # Compressed: too short, too long (8 + 32 * 1), and 2 with its sign changed.
        (dict(size=[2, 3], counts='05'), r'a\.jpg: .* 0 is .* its runs have 5 pixels, not 3 x 2'),
        (dict(size=[2, 3], counts='X1'), r'a\.jpg: .* 0 is .* its runs have 40 pixels, not 3 x 2'),
        (dict(size=[2, 3], counts='8N'), r'a\.jpg: .* annotation 0 is .*: a run is negative'),
    ],
)
def test_masks_that_cannot_be_painted(segmentation, message):
    annotations = [dict(id=0, category_id=5, segmentation=segmentation)]
    with pytest.raises(ValueError, match=message):
        paint_instances(np.zeros((2, 3), int), annotations, Path('a.jpg'))
