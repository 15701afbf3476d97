"""Reading images and PNGs whole, so that damage shows now and not after hours of training."""

import hashlib
import io
from typing import Any

import numpy as np
from mmengine.fileio import get
from numpy.typing import NDArray
from PIL import Image

from ...structures.id_map import read_id_map
from ...structures.image_file import ImageHeader, decode_header, describe_damage
from ..rules import Finding, FindingError

_MODES = {
    '1': 'black and white',
    'L': 'gray',
    'LA': 'gray',
    'P': 'a palette',
    'I;16': '16-bit gray',
    'I': 'gray of more than 8 bits',
}


def read_image(path: str, backend_args: dict[str, Any] | None = None) -> tuple[ImageHeader, bytes]:
    """Decode an image to its last pixel.

    Args:
        path: Image file.
        backend_args: Storage backend of :func:`mmengine.fileio.get`.

    Returns:
        Its header, and a hash of the file's bytes; equal for equal files.

    Raises:
        FindingError: The file is missing, or cannot be decoded.
    """
    content = _read(path, backend_args, 'image-missing', 'image-unreadable')
    try:
        header = decode_header(content)
    except ValueError as error:
        raise FindingError(Finding('image-unreadable', str(error), path)) from error
    return header, hashlib.blake2b(content, digest_size=16).digest()


def read_segmentation(path: str, backend_args: dict[str, Any] | None = None) -> NDArray[np.uint32]:
    """Read an id-coded PNG.

    Args:
        path: PNG file.
        backend_args: Storage backend of :func:`mmengine.fileio.get`.

    Returns:
        (H, W) ids.

    Raises:
        FindingError: The file is missing, damaged, or not an 8-bit RGB PNG.
    """
    content = _read(path, backend_args, 'png-missing', 'png-unreadable')
    try:
        with Image.open(io.BytesIO(content)) as image:
            form, mode = image.format, image.mode
            if form == 'PNG':
                image.verify()  # checksums of all its parts
    except Exception as error:  # a decoder may raise anything on a damaged file
        message = describe_damage(error, content)
        raise FindingError(Finding('png-unreadable', message, path)) from error
    if form != 'PNG':
        raise FindingError(Finding('png-mode', f'the file is a {form}', path))
    # Read with its palette, one way of loading gives its colors and another one its indices.
    if mode not in ('RGB', 'RGBA'):
        message = f'it is {_MODES.get(mode, mode)} (PIL mode {mode})'
        raise FindingError(Finding('png-mode', message, path))
    try:
        return read_id_map(path, backend_args)
    except ValueError as error:  # 16 bits per channel, which PIL does not tell
        raise FindingError(Finding('png-mode', str(error), path)) from error


def _read(path: str, backend_args: dict[str, Any] | None, missing: str, unreadable: str) -> bytes:
    try:
        return get(path, backend_args=backend_args)
    except FileNotFoundError as error:
        raise FindingError(Finding(missing, 'no such file', path)) from error
    except (OSError, ValueError) as error:  # ValueError: no name a file can have
        raise FindingError(Finding(unreadable, str(error), path)) from error
