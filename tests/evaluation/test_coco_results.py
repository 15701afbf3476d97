import json

import numpy as np
import pytest

from einet.evaluation.coco_results import write_image, write_json
from einet.structures.id_map import read_id_map

CLASSES, THINGS, CATEGORY_IDS = ('sky', 'cat', 'road'), frozenset({1}), (40, 17, 9)


def test_stuff_of_label_zero_is_not_void(tmp_path):
    pred_map = np.array([[0, 0, 2], [3, 1001, 2], [3, 4001, 4001]])
    written = write_image(tmp_path / 'a', 'x.jpg', 5, pred_map, CATEGORY_IDS)
    id_map = read_id_map(str(tmp_path / 'a' / 'x.png'))
    assert id_map.tolist() == [[1, 1, 3], [0, 1002, 3], [0, 4002, 4002]]

    write_json(tmp_path / 'a.json', [written], CLASSES, THINGS)
    content = json.loads((tmp_path / 'a.json').read_text())
    assert content['images'] == [dict(id=5, file_name='x.jpg', width=3, height=3)]
    assert content['annotations'] == [
        dict(
            image_id=5,
            file_name='x.png',
            segments_info=[
                dict(id=1, category_id=40, area=2, iscrowd=0),
                dict(id=3, category_id=9, area=2, iscrowd=0),
                dict(id=1002, category_id=17, area=1, iscrowd=0),
                dict(id=4002, category_id=17, area=2, iscrowd=0),
            ],
        )
    ]
    assert [(c['id'], c['name'], c['isthing']) for c in content['categories']] == [
        (40, 'sky', 0),
        (17, 'cat', 1),
        (9, 'road', 0),
    ]


def test_void_image(tmp_path):
    written = write_image(tmp_path, 'x.png', 'a', np.full((2, 3), 3), CATEGORY_IDS)
    assert written.ids.shape == (0,)
    assert not read_id_map(str(tmp_path / 'x.png')).any()


def test_writing_again_replaces_and_leaves_nothing_else(tmp_path):
    for value in (0, 2):
        write_image(tmp_path, 'x.jpg', 1, np.full((2, 2), value), CATEGORY_IDS)
    assert (read_id_map(str(tmp_path / 'x.png')) == 3).all()
    assert [path.name for path in tmp_path.iterdir()] == ['x.png']


@pytest.mark.parametrize('pan_id', [-999, 1 << 24, (1 << 24) + 2000])
def test_id_that_does_not_fit(tmp_path, pan_id):
    with pytest.raises(ValueError, match='do not fit into a PNG'):
        write_image(tmp_path, 'x.jpg', 1, np.array([[pan_id]]), tuple(range(999)))
    assert not any(tmp_path.iterdir())


def test_two_images_of_one_name(tmp_path):
    images = [
        write_image(tmp_path, image, image_id, np.zeros((1, 1), int), CATEGORY_IDS)
        for image_id, image in ((1, 'x.jpg'), (2, 'x.png'))
    ]
    with pytest.raises(ValueError, match=r'images 1 and 2 are both named x\.png'):
        write_json(tmp_path / 'a.json', images, CLASSES, THINGS)


def test_folders_are_kept(tmp_path):
    images = [
        write_image(tmp_path / 'a', image, image_id, np.full((1, 2), label), CATEGORY_IDS)
        for image_id, image, label in ((1, 'seq0/000.png', 0), (2, 'seq1/000.png', 2))
    ]
    write_json(tmp_path / 'a.json', images, CLASSES, THINGS)
    content = json.loads((tmp_path / 'a.json').read_text())
    assert [image['file_name'] for image in content['images']] == ['seq0/000.png', 'seq1/000.png']
    for annotation, value in zip(content['annotations'], (1, 3), strict=True):
        assert (read_id_map(str(tmp_path / 'a' / annotation['file_name'])) == value).all()


def test_images_of_other_files_get_the_category_ids_of_the_first(tmp_path):
    images = [
        write_image(tmp_path, f'{i}.png', i, np.full((1, 2), 2), ids)
        for i, ids in enumerate([CATEGORY_IDS, (1, 2, 3)])
    ]
    write_json(tmp_path / 'a.json', images, CLASSES, THINGS)
    content = json.loads((tmp_path / 'a.json').read_text())
    found = [a['segments_info'][0]['category_id'] for a in content['annotations']]
    assert found == [9, 9]
