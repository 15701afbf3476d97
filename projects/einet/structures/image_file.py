"""Image files decoded to their last pixel, so that damage shows now and not during training."""

import io
import struct
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import ExifTags, Image

from .limits import MAX_PIXELS

# Aerial and microscopy images are larger than what PIL takes for an attack; the limit is ours.
Image.MAX_IMAGE_PIXELS = None

_TURNED = (5, 6, 7, 8)  # EXIF orientations that swap height and width
_DEEP = ('I', 'I;16', 'I;16B', 'I;16L', 'F')


class ImageHeader(NamedTuple):
    """What a file says about its image.

    Attributes:
        size: (height, width) as mmcv loads it: turned as its EXIF orientation says.
        depth: PIL's mode when it has more than 8 bits per channel, else empty.
        orientation: EXIF orientation, 1..8; 1 when the pixels are shown as they are stored.
    """

    size: tuple[int, int]
    depth: str
    orientation: int


def decode_header(content: bytes) -> ImageHeader:
    """Read an image's header, and decode its pixels to see that they are all there.

    Args:
        content: Bytes of the file.

    Returns:
        Its header.

    Raises:
        ValueError: The image cannot be decoded; the message says why, without the file's name.
    """
    try:
        # Unlike OpenCV, PIL does not fill up with gray what is cut off.
        with Image.open(io.BytesIO(content)) as image:
            width, height = image.size
            check_size(width, height)
            tag = image.getexif().get(ExifTags.Base.Orientation)
            orientation = tag if isinstance(tag, int) and 1 <= tag <= 8 else 1
            depth = image.mode if image.mode in _DEEP else ''
            # JPEG: all bytes are read, but only an eighth of the pixels made.
            image.draft(None, (1, 1))
            image.load()
            is_jpeg = image.format == 'JPEG'
    except Exception as error:  # a decoder may raise anything on a damaged file
        raise ValueError(describe_damage(error, content)) from error
    _check_opencv(content, is_jpeg)
    size = (width, height) if orientation in _TURNED else (height, width)
    return ImageHeader(size, depth, orientation)


def depth_note(path: Path) -> str | None:
    """What is to be said of an image that has not 8 bits, and is about to be read as 8 bits.

    Args:
        path: Image file.

    Returns:
        A line about 16 bits, which OpenCV divides by 256; None of 8 bits, or when it cannot be
        decoded.

    Raises:
        ValueError: It has another type, of which nobody knows what is white.
    """
    # JPEGs have 8 bits always.
    if path.suffix.lower() in ('.jpg', '.jpeg'):
        return None
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None or image.dtype == np.uint8:
        return None
    if image.dtype != np.uint16:
        raise ValueError(f'{path} has {image.dtype} values: rescale them to 0..255, save as 8 bits')
    return (
        f'{path} has 16 bits: its values, 0..{image.max(initial=0)}, are divided by 256. '
        'If they do not reach 65535, it is too dark: rescale it to 8 bits'
    )


def check_size(width: int, height: int) -> None:
    """Refuse an image by the size in its header, before its pixels are decoded.

    Raises:
        ValueError: It has more pixels than the limit.
    """
    if width * height > MAX_PIXELS:
        raise ValueError(f'{width} x {height} are more than {MAX_PIXELS} pixels: cut it into tiles')


def png_size(content: bytes) -> tuple[int, int] | None:
    """The (width, height) in a PNG's header; None of what is no PNG."""
    if len(content) < 24 or content[:8] != b'\x89PNG\r\n\x1a\n' or content[12:16] != b'IHDR':
        return None
    width, height = struct.unpack('>II', content[16:24])
    return width, height


def _check_opencv(content: bytes, is_jpeg: bool) -> None:
    """Refuse what PIL reads and OpenCV, which training reads images with, does not."""
    # Of a JPEG only an eighth of the pixels are made.
    flag = cv2.IMREAD_REDUCED_COLOR_8 if is_jpeg else cv2.IMREAD_COLOR
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), flag)
    except cv2.error as error:
        raise ValueError(f'OpenCV cannot decode it: {error.err or error}') from error
    if image is None:
        raise ValueError('OpenCV cannot decode it; save it as PNG or JPEG')


def describe_damage(error: Exception, content: bytes) -> str:
    """Say why PIL cannot decode a file.

    Args:
        error: Error of PIL.
        content: Bytes of the file.

    Returns:
        The reason and the file's length.
    """
    if not content:
        return 'the file is empty'
    # PIL names the stream it reads from, which says nothing here.
    text = 'not an image' if 'cannot identify' in str(error) else str(error)
    return f'{text or type(error).__name__} ({len(content)} bytes)'
