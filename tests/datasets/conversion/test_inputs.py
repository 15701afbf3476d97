import struct
import zlib

import cv2
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


def png(path, depth, values):
    """Write a gray PNG, which Pillow writes with 8 bits only; every row fills whole bytes."""
    height, width = len(values), len(values[0])
    bits = [''.join(f'{value:0{depth}b}' for value in row) for row in values]
    rows = b''.join(b'\0' + int(row, 2).to_bytes(len(row) // 8, 'big') for row in bits)
    header = struct.pack('>2I5B', width, height, depth, 0, 0, 0, 0)
    chunks = [(b'IHDR', header), (b'IDAT', zlib.compress(rows)), (b'IEND', b'')]
    parts = [
        struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
        for kind, data in chunks
    ]
    path.write_bytes(b'\x89PNG\r\n\x1a\n' + b''.join(parts))
    return path


@READERS
@pytest.mark.parametrize('depth', [2, 4])
def test_gray_of_few_bits_would_be_scaled(tmp_path, read, depth):
    path = png(tmp_path / 'few.png', depth, [[0, 1, 2, 3]])
    assert np.array(Image.open(path)).max() == 3 * 255 // (2**depth - 1)
    with pytest.raises(ValueError, match=rf'few\.png is a gray PNG of {depth} bit.*gray of 8 bit'):
        read(path)


@pytest.mark.parametrize('depth', [1, 8])
def test_gray_of_one_and_of_eight_bits(tmp_path, depth):
    values = [[0, 1, 1, 0, 1, 0, 0, 1], [1, 0, 0, 0, 0, 0, 0, 0]]
    assert read_label_map(png(tmp_path / 'gray.png', depth, values)).tolist() == values


@pytest.mark.parametrize('bits', [1, 2, 4])
def test_palettes_of_few_bits(tmp_path, bits):
    values = np.arange(8, dtype=np.uint8)[None] % 2**bits
    image = Image.fromarray(values)
    image.putpalette([5, 6, 7] * 2**bits)
    image.save(tmp_path / 'palette.png', bits=bits)
    assert (tmp_path / 'palette.png').read_bytes()[24] == bits
    for read in (read_label_map, read_instance_map):
        assert read(tmp_path / 'palette.png').tolist() == values.tolist()


@READERS
@pytest.mark.parametrize('channels', [3, 4])
def test_colors_of_16_bits_would_lose_half(tmp_path, read, channels):
    path = tmp_path / 'deep.png'
    assert cv2.imwrite(str(path), np.full((2, 3, channels), 258, np.uint16))
    with pytest.raises(ValueError, match=r'deep\.png is a color PNG of 16 bit.*gray of 16 bit'):
        read(path)


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
