"""Images and maps that a converter reads: decoded whole, and every error names the file.

Shape shorthand:
    H, W: image
"""

import io
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...structures import image_file
from ...structures.image_file import decode_header, describe_damage, png_size

_LABEL_MODES = ('1', 'L', 'P', 'I', 'I;16', 'I;16B')
_COLOR_MODES = ('RGB', 'RGBA')
# Color types in a PNG's header.
_GRAY = 0
_COLORED = (2, 6)


class InputImage(NamedTuple):
    """Where an image is, and its size in pixels as mmcv loads it: turned as its EXIF tag says."""

    path: Path
    width: int
    height: int

    def entry(self, image_id: str, file_name: str) -> dict[str, Any]:
        """Its entry in the JSON."""
        return dict(id=image_id, file_name=file_name, width=self.width, height=self.height)


def read_image(path: Path) -> InputImage:
    """Decode an image, to see that it is whole.

    Args:
        path: Image file.

    Returns:
        Its size.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It cannot be decoded.
    """
    content = _read_bytes(path, 'image')
    try:
        height, width = decode_header(content).size
    except ValueError as error:
        raise ValueError(f'the image {path} is damaged: {error}') from error
    return InputImage(path, width, height)


def read_label_map(path: Path) -> NDArray[np.integer]:
    """Read a map of one integer per pixel.

    Args:
        path: PNG or TIFF, gray of 8 or 16 bit, or with a palette, whose indices count.

    Returns:
        (H, W) integer.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It cannot be decoded, or has color channels or 2 or 4 bit.
    """
    mode, values = _read_map(path)
    _require_labels(path, mode)
    return values.astype(np.uint8) if mode == '1' else values


def read_colors(path: Path) -> NDArray[np.uint8]:
    """Read a map of three 8-bit values per pixel.

    Args:
        path: RGB or RGBA PNG.

    Returns:
        (H, W, 3) uint8 in the order R, G, B.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It cannot be decoded, or is not RGB of 8 bit.
    """
    mode, values = _read_map(path)
    if mode not in _COLOR_MODES:
        raise ValueError(f'the map {path} has mode {mode}; it needs the channels R, G and B')
    return values[..., :3]


def read_instance_map(path: Path) -> NDArray[np.int64]:
    """Read a map of instances.

    Args:
        path: PNG of one channel, or RGB that stands for R + 256 G + 65536 B.

    Returns:
        (H, W) numbers from 0.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It cannot be decoded, or has another number of channels or bits, or negative
            values.
    """
    mode, values = _read_map(path)
    if mode in _COLOR_MODES:
        instances = values[..., :3].astype(np.int64) @ np.array([1, 256, 65536])
    else:
        _require_labels(path, mode)
        instances = values.astype(np.int64)
    if instances.min() < 0:
        raise ValueError(f'the map {path} has negative values')
    return instances


def check_size(path: Path, values: NDArray[np.generic], image: InputImage) -> None:
    """Check that a map has the size of its image.

    Args:
        path: File of the map.
        values: (H, W, ...) content of the map.
        image: Image that it belongs to.

    Raises:
        ValueError: The sizes differ.
    """
    height, width = values.shape[:2]
    if (width, height) != (image.width, image.height):
        raise ValueError(
            f'{path} has {width} x {height} pixels, its image {image.path} '
            f'{image.width} x {image.height} (width x height)'
        )


def _read_map(path: Path) -> tuple[str, NDArray[Any]]:
    """Pillow's mode and the values as they are in the file: palette indices, not colors."""
    content = _read_bytes(path, 'map')
    _check_png_depth(path, content)
    try:
        with Image.open(io.BytesIO(content)) as image:
            image_file.check_size(*image.size)
            return image.mode, np.array(image)
    except Exception as error:  # a decoder may raise anything on a damaged file
        reason = describe_damage(error, content)
        raise ValueError(f'the map {path} is damaged: {reason}') from error


def _check_png_depth(path: Path, content: bytes) -> None:
    """Refuse PNGs whose values Pillow changes: it scales 2 and 4 bits, and cuts 16 of colors."""
    if png_size(content) is None or len(content) < 26:
        return
    depth, color_type = content[24:26]
    if color_type == _GRAY and depth in (2, 4):
        raise ValueError(
            f'the map {path} is a gray PNG of {depth} bit, whose values would be scaled to 0..255; '
            f'save the values as gray of 8 bit, or with a palette'
        )
    if color_type in _COLORED and depth == 16:
        raise ValueError(
            f'the map {path} is a color PNG of 16 bit per channel, of which the low 8 would be '
            f'lost; save it with 8 bit per channel, or as gray of 16 bit'
        )


def _read_bytes(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise FileNotFoundError(f'the {what} {path} does not exist') from error


def _require_labels(path: Path, mode: str) -> None:
    if mode not in _LABEL_MODES:
        raise ValueError(
            f'the map {path} has mode {mode}; it needs one channel of integers: 8 or 16 bit gray, '
            f'or a palette'
        )
