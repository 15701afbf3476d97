"""Reading images and PNGs whole, so that damage shows now and not after hours of training."""

import hashlib
import io
from typing import Any, NamedTuple

import numpy as np
from mmengine.fileio import get
from numpy.typing import NDArray
from PIL import Image

from ...structures.id_map import read_id_map
from ...structures.image_file import ImageHeader, decode_header, describe_damage

_MODES = {
    '1': 'black and white',
    'L': 'gray',
    'LA': 'gray',
    'P': 'a palette',
    'I;16': '16-bit gray',
    'I': 'gray of more than 8 bits',
}


class DefectError(Exception):
    """A file is not as it must be.

    Args:
        kind: Kind of the finding.
        message: Message of the finding.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class ImageFile(NamedTuple):
    """What is remembered of an image.

    Attributes:
        header: Size, depth and orientation.
        digest: Hash of the file's bytes; equal for equal files.
    """

    header: ImageHeader
    digest: bytes


def read_image(path: str, backend_args: dict[str, Any] | None = None) -> ImageFile:
    """Decode an image to its last pixel.

    Args:
        path: Image file.
        backend_args: Storage backend of :func:`mmengine.fileio.get`.

    Returns:
        What is remembered of it.

    Raises:
        DefectError: The file is missing, or cannot be decoded.
    """
    content = _read(path, backend_args, 'image')
    try:
        header = decode_header(content)
    except ValueError as error:
        raise DefectError('image-unreadable', str(error)) from error
    return ImageFile(header, hashlib.blake2b(content, digest_size=16).digest())


def read_segmentation(path: str, backend_args: dict[str, Any] | None = None) -> NDArray[np.uint32]:
    """Read an id-coded PNG.

    Args:
        path: PNG file.
        backend_args: Storage backend of :func:`mmengine.fileio.get`.

    Returns:
        (H, W) ids.

    Raises:
        DefectError: The file is missing, damaged, or not an 8-bit RGB PNG.
    """
    content = _read(path, backend_args, 'png')
    try:
        with Image.open(io.BytesIO(content)) as image:
            kind, mode = image.format, image.mode
            if kind == 'PNG':
                image.verify()  # checksums of all its parts
    except Exception as error:  # a decoder may raise anything on a damaged file
        raise DefectError('png-unreadable', describe_damage(error, content)) from error
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
