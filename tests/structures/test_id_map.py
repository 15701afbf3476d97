import numpy as np
import pytest
from PIL import Image

from einet.structures.id_map import ids_to_bgr, read_id_map


def write_ids(path, id_map):
    rgb = np.stack([id_map % 256, id_map // 256 % 256, id_map // 65536], axis=-1)
    Image.fromarray(rgb.astype(np.uint8)).save(path)
    return path


def test_ids_use_all_three_channels_at_odd_sizes(tmp_path):
    id_map = np.random.default_rng(0).integers(0, 1 << 24, (97, 131))
    id_map[0, :3] = [0, 3 + 256 * 2 + 65536, (1 << 24) - 1]
    path = write_ids(tmp_path / 'ids.png', id_map)
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
def test_truncated_file(tmp_path, fraction):
    id_map = np.random.default_rng(0).integers(0, 1 << 24, (40, 30))
    path = write_ids(tmp_path / 'cut.png', id_map)
    content = path.read_bytes()
    path.write_bytes(content[: int(fraction * len(content))])
    with pytest.raises(ValueError, match=r'cut\.png cannot be decoded: it is truncated'):
        read_id_map(str(path))


@pytest.mark.parametrize(('mode', 'dtype'), [('L', np.uint8), ('I;16', np.uint16)])
def test_gray_png(tmp_path, mode, dtype):
    Image.fromarray(np.ones((4, 6), dtype)).save(tmp_path / 'gray.png')
    with pytest.raises(ValueError, match=r'gray\.png has shape \(4, 6\).*three 8-bit channels'):
        read_id_map(str(tmp_path / 'gray.png'))


@pytest.mark.parametrize('value', [-1, 1 << 24])
def test_ids_that_24_bits_cannot_hold_are_refused(value):
    with pytest.raises(ValueError, match=rf'{value}.* do not fit into the 24 bits'):
        ids_to_bgr(np.array([[5, value, 0]]))
    assert ids_to_bgr(np.array([[(1 << 24) - 1]])).tolist() == [[[255, 255, 255]]]
