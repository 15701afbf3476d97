import numpy as np
import pytest
from PIL import Image

from einet.datasets.rules import FindingError
from einet.datasets.validation.files import read_image, read_segmentation
from tests.datasets.conftest import write_ids

IMAGE = np.random.default_rng(0).integers(0, 256, (6, 10, 3), np.uint8)


def save(path, mode='RGB', **options):
    Image.fromarray(IMAGE).convert(mode).save(path, **options)
    return str(path)


def test_an_image(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / 'turned.jpg', exif=exif)
    header, _ = read_image(path)
    assert header == ((10, 6), '', 6)


def test_equal_files_have_equal_digests(tmp_path):
    (_, first), (_, second) = (read_image(save(tmp_path / f'{name}.png')) for name in 'ab')
    _, other = read_image(save(tmp_path / 'c.png', 'L'))
    assert first == second != other


def test_a_folder_and_an_impossible_name(tmp_path):
    for path in (str(tmp_path), str(tmp_path / 'null\0')):
        with pytest.raises(FindingError) as raised:
            read_image(path)
        assert raised.value.finding.kind == 'image-unreadable'


def test_every_cut_of_a_file_is_noticed(tmp_path):
    for suffix, read in (('jpg', read_image), ('png', read_image), ('png', read_segmentation)):
        path = tmp_path / f'cut.{suffix}'
        save(path)
        content = path.read_bytes()
        # All pixels come before the last checksum and the end mark, 20 bytes in a PNG.
        for length in range(0, len(content) - 20, 7):
            path.write_bytes(content[:length])
            with pytest.raises(FindingError) as raised:
                read(str(path))
            assert raised.value.finding.kind.endswith('-unreadable')


def test_a_damaged_png(tmp_path):
    path = tmp_path / 'damaged.png'
    save(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(FindingError) as raised:
        read_segmentation(str(path))
    assert raised.value.finding.kind == 'png-unreadable'


def test_ids(tmp_path):
    id_map = np.array([[0, 1, 255], [256, 70000, 256**3 - 1]])
    write_ids(tmp_path / 'ids.png', id_map)
    assert read_segmentation(str(tmp_path / 'ids.png')).tolist() == id_map.tolist()
    with Image.open(tmp_path / 'ids.png') as image:
        image.convert('RGBA').save(tmp_path / 'alpha.png')
    assert read_segmentation(str(tmp_path / 'alpha.png')).tolist() == id_map.tolist()


@pytest.mark.parametrize('mode', ['1', 'L', 'LA', 'P', 'I;16'])
def test_modes_that_hold_no_ids(tmp_path, mode):
    Image.new(mode, (4, 3)).save(tmp_path / 'ids.png')
    with pytest.raises(FindingError, match='it is .*PIL mode') as raised:
        read_segmentation(str(tmp_path / 'ids.png'))
    assert raised.value.finding.kind == 'png-mode'
