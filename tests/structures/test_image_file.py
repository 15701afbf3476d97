import io
import struct
import zlib

import mmcv
import numpy as np
import pytest
from PIL import Image

from einet.structures.image_file import check_size, decode_header, png_size

IMAGE = np.random.default_rng(0).integers(0, 256, (6, 10, 3), np.uint8)


def encode(kind='PNG', mode='RGB', **options):
    stream = io.BytesIO()
    Image.fromarray(IMAGE).convert(mode).save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize('orientation', range(1, 9))
def test_the_size_is_that_of_the_loaded_image(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encode('JPEG', exif=exif)
    header = decode_header(content)
    assert header.size == mmcv.imfrombytes(content).shape[:2]
    assert header.orientation == orientation


@pytest.mark.parametrize('mode', ['RGB', 'L', 'P', 'RGBA', 'CMYK'])
def test_ordinary_images(mode):
    header = decode_header(encode('JPEG' if mode == 'CMYK' else 'PNG', mode))
    assert header == ((6, 10), '', 1)


def test_an_image_of_16_bits():
    stream = io.BytesIO()
    Image.fromarray(np.zeros((3, 5), np.uint16)).save(stream, 'PNG')
    assert decode_header(stream.getvalue()) == ((3, 5), 'I;16', 1)


@pytest.mark.parametrize('kind', ['JPEG', 'PNG', 'BMP'])
def test_every_cut_of_a_file_is_noticed(kind):
    content = encode(kind)
    # All pixels come before the last checksum and the end mark, 20 bytes in a PNG.
    for length in range(1, len(content) - 20, 7):
        with pytest.raises(ValueError, match=rf'\({length} bytes\)$'):
            decode_header(content[:length])


@pytest.mark.parametrize(
    ('content', 'message'),
    [(b'', '^the file is empty$'), (b'GIF', r'^not an image \(3 bytes\)$')],
)
def test_what_is_no_image(content, message):
    with pytest.raises(ValueError, match=message):
        decode_header(content)


def bomb(width, height):
    """A PNG of a few bytes whose header promises many pixels."""
    content = bytearray(encode())
    content[16:24] = struct.pack('>II', width, height)
    content[29:33] = struct.pack('>I', zlib.crc32(content[12:29]))
    return bytes(content)


def test_a_bomb_is_refused_by_its_header():
    content = bomb(20_000, 20_000)
    assert png_size(content) == (20_000, 20_000)
    with pytest.raises(ValueError, match='20000 x 20000 are more than 268435456 pixels'):
        decode_header(content)


def test_the_limit():
    check_size(16_384, 16_384)
    with pytest.raises(ValueError, match='cut it into tiles'):
        check_size(16_384, 16_385)


def test_only_a_png_has_its_header():
    assert png_size(encode()) == (10, 6)
    for content in (b'', encode()[:20], encode('JPEG')):
        assert png_size(content) is None
