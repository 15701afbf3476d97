import numpy as np
import pytest

from einet.structures.files import read_png, write_file, write_png


def test_writing_again_replaces_and_leaves_nothing_else(tmp_path):
    for content in (b'first', b'second'):
        write_file(tmp_path / 'new' / 'a.txt', content)
    assert (tmp_path / 'new' / 'a.txt').read_bytes() == b'second'
    assert [path.name for path in (tmp_path / 'new').iterdir()] == ['a.txt']


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_a_png_comes_back(tmp_path, dtype):
    image = np.array([[0, 1], [255, np.iinfo(dtype).max], [7, 3]], dtype)
    write_png(tmp_path / 'a.png', image)
    read = read_png(str(tmp_path / 'a.png'))
    assert read.dtype == dtype and (read == image).all()


def test_channels_and_alpha_stay(tmp_path):
    image = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    write_png(tmp_path / 'a.png', image)
    assert (read_png(str(tmp_path / 'a.png')) == image).all()


@pytest.mark.parametrize('content', [b'', b'\x89PNG', b'no image'])
def test_what_is_no_image_is_none(tmp_path, content):
    (tmp_path / 'a.png').write_bytes(content)
    assert read_png(str(tmp_path / 'a.png')) is None


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_png(str(tmp_path / 'a.png'))
