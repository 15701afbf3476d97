import cv2
import numpy as np
import pytest

from einet.structures.files import write_file, write_png


def test_writing_again_replaces_and_leaves_nothing_else(tmp_path):
    for content in (b'first', b'second'):
        write_file(tmp_path / 'new' / 'a.txt', content)
    assert (tmp_path / 'new' / 'a.txt').read_bytes() == b'second'
    assert [path.name for path in (tmp_path / 'new').iterdir()] == ['a.txt']


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_a_png_comes_back(tmp_path, dtype):
    image = np.array([[0, 1], [255, np.iinfo(dtype).max], [7, 3]], dtype)
    write_png(tmp_path / 'a.png', image)
    read = cv2.imread(str(tmp_path / 'a.png'), cv2.IMREAD_UNCHANGED)
    assert read.dtype == dtype and (read == image).all()
