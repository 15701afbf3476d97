"""Maps of segment ids, and their code as colors in a PNG: id = R + 256 G + 65536 B.

Shape shorthand:
    H, W: map
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .files import read_png
from .limits import MAX_ID


def read_id_map(path: str, backend_args: dict[str, Any] | None = None) -> NDArray[np.uint32]:
    """Read an id-coded PNG: id = R + 256 G + 65536 B.

    Args:
        path: 8-bit RGB (or RGBA; alpha is ignored) PNG to read.
        backend_args: Storage backend of :func:`mmengine.fileio.get`.

    Returns:
        (H, W) uint32 ids in [0, 2^24); 0 is void.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is empty, truncated, damaged, or not 8-bit RGB.
    """
    try:
        image = read_png(path, backend_args)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'the segmentation map {path} does not exist; '
            f"check data_prefix['seg'] of the dataset and `file_name` in its annotation file"
        ) from error
    if image is None:
        raise ValueError(
            f'the segmentation map {path} cannot be decoded: it is truncated or not a PNG; '
            f'restore it from its source'
        )
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in (3, 4):
        raise ValueError(
            f'the segmentation map {path} has shape {image.shape} and type {image.dtype}; a '
            f'panoptic PNG has three 8-bit channels, id = R + 256 G + 65536 B'
        )
    to_rgba = cv2.COLOR_BGR2RGBA if image.shape[2] == 3 else cv2.COLOR_BGRA2RGBA
    # An RGBA pixel, read as one little-endian number, is its id with alpha on top.
    id_map = cv2.cvtColor(image, to_rgba).view('<u4')[..., 0]
    id_map &= 0xFFFFFF
    return id_map


def ids_to_bgr(id_map: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Code ids as colors, as :func:`read_id_map` reads them from a PNG.

    Args:
        id_map: (H, W) integer ids in [0, 2^24).

    Returns:
        (H, W, 3) BGR, as OpenCV writes it.

    Raises:
        ValueError: An id does not fit into 24 bits.
    """
    if id_map.min(initial=0) < 0 or id_map.max(initial=0) > MAX_ID:
        raise ValueError(
            f'ids from {id_map.min()} to {id_map.max()} do not fit into the 24 bits of a PNG, '
            f'0 to {MAX_ID}: renumber the segments'
        )
    return np.stack([id_map >> shift & 255 for shift in (16, 8, 0)], axis=-1).astype(np.uint8)
