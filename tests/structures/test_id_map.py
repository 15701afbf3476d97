import numpy as np
import pytest
from PIL import Image

from einet.structures.id_map import ids_to_bgr, read_id_map
from einet.structures.segments import parse_segments

THINGS = frozenset({0, 1})


def test_ids_use_all_three_channels_at_odd_sizes(tmp_path, write_png):
    id_map = np.random.default_rng(0).integers(0, 1 << 24, (97, 131))
    id_map[0, :3] = [0, 3 + 256 * 2 + 65536, (1 << 24) - 1]
    path = write_png(tmp_path / 'ids.png', id_map)
    assert (read_id_map(str(path)) == id_map).all()


@pytest.mark.parametrize('dtype', [np.int64, np.uint32, np.int32])
def test_ids_as_colors(dtype):
    ids = np.array([[0, 3 + 256 * 2 + 65536 * 7], [(1 << 24) - 1, 255]], dtype)
    expected = [[[0, 0, 0], [7, 2, 3]], [[255, 255, 255], [0, 0, 255]]]
    assert ids_to_bgr(ids).tolist() == expected


def test_alpha_is_ignored(tmp_path):
    rgba = np.random.default_rng(0).integers(0, 256, (3, 5, 4)).astype(np.uint8)
    Image.fromarray(rgba).save(tmp_path / 'rgba.png')
    expected = rgba[..., :3].astype(int) @ [1, 256, 65536]
    assert (read_id_map(str(tmp_path / 'rgba.png')) == expected).all()


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'nowhere\.png does not exist.*data_prefix'):
        read_id_map(str(tmp_path / 'nowhere.png'))


@pytest.mark.parametrize('fraction', [0, 0.02, 0.5, 0.98])
def test_truncated_file(tmp_path, write_png, fraction):
    id_map = np.random.default_rng(0).integers(0, 1 << 24, (40, 30))
    path = write_png(tmp_path / 'cut.png', id_map)
    content = path.read_bytes()
    path.write_bytes(content[: int(fraction * len(content))])
    with pytest.raises(ValueError, match=r'cut\.png cannot be decoded: it is truncated'):
        read_id_map(str(path))


@pytest.mark.parametrize(('mode', 'dtype'), [('L', np.uint8), ('I;16', np.uint16)])
def test_gray_png(tmp_path, mode, dtype):
    Image.fromarray(np.ones((4, 6), dtype)).save(tmp_path / 'gray.png')
    with pytest.raises(ValueError, match=r'gray\.png has shape \(4, 6\).*three 8-bit channels'):
        read_id_map(str(tmp_path / 'gray.png'))


def test_segments_keep_their_order():
    infos = [
        dict(id=9, category=2, is_thing=False, iscrowd=0),
        dict(id=4, category=1, is_thing=True, iscrowd=1),
    ]
    segments = parse_segments(infos, 3, THINGS)
    assert segments.ids.tolist() == [9, 4]
    assert segments.labels.tolist() == [2, 1]
    assert segments.is_crowd.tolist() == [False, True]


def test_crowd_as_mmdet_marks_it():
    infos = [
        dict(id=1, category=0, is_thing=False),  # a thing class that is no thing: crowd
        dict(id=2, category=0, is_thing=True),
        dict(id=3, category=2, is_thing=False),  # stuff
    ]
    assert parse_segments(infos, 3, THINGS).is_crowd.tolist() == [True, False, False]


@pytest.mark.parametrize('ids', [(0, 5), (5, 5), (-1, 2)])
def test_ids_that_cannot_be(ids):
    with pytest.raises(ValueError, match='must differ and be positive'):
        parse_segments([dict(id=i, category=0, iscrowd=0) for i in ids], 3, THINGS)


@pytest.mark.parametrize('category', [-1, 3, 119])
def test_label_outside_the_classes(category):
    with pytest.raises(ValueError, match=rf'labels \[{category}\].*3 classes.*not the category_id'):
        parse_segments([dict(id=1, category=category, iscrowd=0)], 3, THINGS)


def test_no_segments():
    assert parse_segments([], 3, THINGS).ids.shape == (0,)
