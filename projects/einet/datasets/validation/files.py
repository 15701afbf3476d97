"""Reading images and PNGs whole, so that damage shows now and not after hours of training."""

import hashlib
import io
from typing import Any, NamedTuple

import numpy as np
from mmengine.fileio import get
from numpy.typing import NDArray
from PIL import ExifTags, Image

from ...structures.id_map import read_id_map

# Aerial and microscopy images are larger than what PIL takes for an attack.
Image.MAX_IMAGE_PIXELS = None

_TURNED = (5, 6, 7, 8)  # EXIF orientations that swap height and width
_MODES = {
    '1': 'black and white',
    'L': 'gray',
    'LA': 'gray',
    'P': 'a palette',
    'I;16': '16-bit gray',
    'I': 'gray of more than 8 bits',
}
_DEEP = ('I', 'I;16', 'I;16B', 'I;16L', 'F')


class DefectError(Exception):
    """A file is not as it must be.

    Args:
        kind: of the finding.
        message: of the finding.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class ImageFile(NamedTuple):
    """What is remembered of an image.

    Attributes:
        size: (height, width), as it is loaded for training.
        digest: of the file's bytes; equal for equal files.
        depth: PIL's mode when it has more than 8 bits per channel, else empty.
        turned: whether its EXIF orientation swaps height and width when it is loaded.
    """

    size: tuple[int, int]
    digest: bytes
    depth: str
    turned: bool


def read_image(path: str, backend_args: dict[str, Any] | None = None) -> ImageFile:
    """Decode an image to its last pixel.

    Args:
        path: of the image.
        backend_args: storage backend of :func:`mmengine.fileio.get`.

    Returns:
        What is remembered of it.

    Raises:
        DefectError: when it is missing, or cannot be decoded.
    """
    content = _read(path, backend_args, 'image')
    try:
        # Unlike OpenCV, PIL does not fill up with gray what is cut off.
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            turned = image.getexif().get(ExifTags.Base.Orientation) in _TURNED
            width, height = image.size
            depth = image.mode if image.mode in _DEEP else ''
    except Exception as error:  # a decoder may raise anything on a damaged file
        raise DefectError('image-unreadable', _reason(error, content)) from error
    size = (width, height) if turned else (height, width)
    digest = hashlib.blake2b(content, digest_size=16).digest()
    return ImageFile(size, digest, depth, turned)


def read_segmentation(path: str, backend_args: dict[str, Any] | None = None) -> NDArray[np.uint32]:
    """Read an id-coded PNG.

    Args:
        path: of the PNG.
        backend_args: storage backend of :func:`mmengine.fileio.get`.

    Returns:
        (H, W) ids.

    Raises:
        DefectError: when it is missing, damaged, or not an 8-bit RGB PNG.
    """
    content = _read(path, backend_args, 'png')
    try:
        with Image.open(io.BytesIO(content)) as image:
            kind, mode = image.format, image.mode
            if kind == 'PNG':
                image.verify()  # checksums of all its parts
    except Exception as error:  # a decoder may raise anything on a damaged file
        raise DefectError('png-unreadable', _reason(error, content)) from error
    if kind != 'PNG':
        raise DefectError('png-mode', f'the file is a {kind}')
    # Read with its palette, one way of loading gives its colors and another one its indices.
    if mode not in ('RGB', 'RGBA'):
        raise DefectError('png-mode', f'it is {_MODES.get(mode, mode)} (PIL mode {mode})')
    try:
        return read_id_map(path, backend_args)
    except ValueError as error:  # 16 bits per channel, which PIL does not tell
        raise DefectError('png-mode', str(error)) from error


def _read(path: str, backend_args: dict[str, Any] | None, what: str) -> bytes:
    try:
        return get(path, backend_args=backend_args)
    except FileNotFoundError as error:
        raise DefectError(f'{what}-missing', 'no such file') from error
    except (OSError, ValueError) as error:  # ValueError: no name a file can have
        raise DefectError(f'{what}-unreadable', str(error)) from error


def _reason(error: Exception, content: bytes) -> str:
    if not content:
        return 'the file is empty'
    # PIL names the stream it reads from, which says nothing here.
    text = 'not an image' if 'cannot identify' in str(error) else str(error)
    return f'{text or type(error).__name__} ({len(content)} bytes)'
