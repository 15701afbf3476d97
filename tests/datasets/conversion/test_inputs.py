import numpy as np
import pytest
from PIL import Image

from einet.datasets.conversion.inputs import (
    InputImage,
    check_size,
    read_colors,
    read_image,
    read_instance_map,
    read_label_map,
)
from einet.structures import image_file

VALUES = np.array([[0, 3, 255], [7, 1, 0]], np.uint8)
RGB = np.stack([VALUES, VALUES // 2, np.roll(VALUES, 1)], axis=-1)
READERS = pytest.mark.parametrize('read', [read_label_map, read_colors, read_instance_map])


def save(path, values, **options):
    Image.fromarray(values).save(path, **options)
    return path


def test_an_image_turned_by_its_exif_tag(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / 'turned.jpg', RGB, exif=exif)
    image = read_image(path)
    assert image == InputImage(path, width=2, height=3)
    assert image.entry('a', 'sub/a.jpg') == dict(id='a', file_name='sub/a.jpg', width=2, height=3)


def test_an_image_that_is_cut_off(tmp_path):
    path = save(tmp_path / 'cut.png', RGB)
    path.write_bytes(path.read_bytes()[:45])
    with pytest.raises(ValueError, match=r'the image .*cut\.png is damaged: .*\(45 bytes\)'):
        read_image(path)


def test_an_image_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'the image .*nowhere\.jpg does not exist'):
        read_image(tmp_path / 'nowhere.jpg')


def test_labels_are_palette_indices_and_16_bits(tmp_path):
    palette = Image.fromarray(VALUES)
    palette.putpalette([5, 6, 7] * 256)
    palette.save(tmp_path / 'palette.png')
    deep = save(tmp_path / 'deep.png', VALUES.astype(np.uint16) * 257)
    assert read_label_map(tmp_path / 'palette.png').tolist() == VALUES.tolist()
    assert read_label_map(deep).tolist() == (VALUES.astype(int) * 257).tolist()


def test_labels_of_one_bit(tmp_path):
    Image.fromarray(VALUES).convert('1', dither=Image.Dither.NONE).save(tmp_path / 'bits.png')
    labels = read_label_map(tmp_path / 'bits.png')
    assert labels.dtype == np.uint8
    assert labels.tolist() == [[0, 0, 1], [0, 0, 0]]


def test_labels_have_no_colors(tmp_path):
    path = save(tmp_path / 'colors.png', RGB)
    with pytest.raises(ValueError, match=r'colors\.png has mode RGB; it needs one channel'):
        read_label_map(path)


def test_colors_without_alpha(tmp_path):
    rgba = np.concatenate([RGB, 255 - RGB[..., :1]], axis=-1)
    assert read_colors(save(tmp_path / 'rgba.png', rgba)).tolist() == RGB.tolist()


def test_gray_is_no_color(tmp_path):
    with pytest.raises(ValueError, match=r'gray\.png has mode L; it needs the channels R, G and B'):
        read_colors(save(tmp_path / 'gray.png', VALUES))


def test_instances_of_both_forms(tmp_path):
    assert read_instance_map(save(tmp_path / 'gray.png', VALUES)).tolist() == VALUES.tolist()
    colors = np.uint8([[[3, 2, 1], [0, 0, 0]]])
    numbers = read_instance_map(save(tmp_path / 'colors.png', colors))
    assert numbers.tolist() == [[3 + 256 * 2 + 65536, 0]]


def test_negative_instances(tmp_path):
    path = save(tmp_path / 'negative.tif', np.array([[1, -1]], np.int32))
    with pytest.raises(ValueError, match=r'negative\.tif has negative values'):
        read_instance_map(path)


@READERS
def test_damaged_and_missing_maps(tmp_path, read):
    path = save(tmp_path / 'map.png', RGB)
    path.write_bytes(path.read_bytes()[:45])
    with pytest.raises(ValueError, match=r'the map .*map\.png is damaged: .*\(45 bytes\)'):
        read(path)
    with pytest.raises(FileNotFoundError, match=r'the map .*nowhere\.png does not exist'):
        read(tmp_path / 'nowhere.png')


def test_sizes(tmp_path):
    image = InputImage(tmp_path / 'a.jpg', width=3, height=2)
    check_size(tmp_path / 'a.png', VALUES, image)
    check_size(tmp_path / 'a.png', RGB, image)
    with pytest.raises(ValueError, match=r'a\.png has 2 x 3 pixels, its image .*a\.jpg 3 x 2 \(w'):
        check_size(tmp_path / 'a.png', VALUES.T, image)


def test_a_map_of_too_many_pixels_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    Image.new('L', (5, 3)).save(tmp_path / 'a.png')
    monkeypatch.setattr(image_file, 'MAX_PIXELS', 14)
    with pytest.raises(ValueError, match=r'a\.png is damaged: 5 x 3 are more than 14 pixels'):
        read_label_map(tmp_path / 'a.png')
