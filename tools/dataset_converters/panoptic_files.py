"""Files of a panoptic set: images, label maps and id-coded PNGs; read with checks, written whole.

Letters: (H, W) an image. Ids are R + 256 G + 65536 B, 0 is void. Every error names the file.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from einet.structures.files import write_file as replace_file
from einet.structures.id_map import ids_to_bgr, read_id_map
from einet.structures.runs import find_runs, instance_statistics

_EXIF_ORIENTATION = 0x0112
_LABEL_MODES = ('1', 'L', 'P', 'I', 'I;16', 'I;16B')


class ImageFile(NamedTuple):
    """Where an image is, and its size in pixels as mmcv loads it: turned as its EXIF tag says."""

    path: Path
    width: int
    height: int


def check_image(path: Path) -> ImageFile:
    """Decode an image, to see that it is whole.

    Args:
        path: of the image.

    Returns:
        Its size.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it cannot be decoded.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            turned = image.getexif().get(_EXIF_ORIENTATION, 1) >= 5
            # JPEG: all bytes are read, but only an eighth of the pixels made.
            image.draft(None, (1, 1))
            image.load()
    except FileNotFoundError as error:
        raise FileNotFoundError(f'the image {path} does not exist') from error
    except (OSError, SyntaxError) as error:
        raise ValueError(f'the image {path} is damaged: {error}') from error
    return ImageFile(path, height, width) if turned else ImageFile(path, width, height)


def read_label_map(path: Path) -> NDArray[np.integer]:
    """Read a map of one integer per pixel: gray 8 or 16 bit, or palette indices.

    Args:
        path: of a PNG (or TIFF).

    Returns:
        (H, W) integer.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it cannot be decoded or has color channels.
    """
    mode, values = read_map(path)
    require_labels(path, mode)
    return values.astype(np.uint8) if mode == '1' else values


def require_labels(path: Path, mode: str) -> None:
    """Raise ValueError when a file's mode is not one channel of integers."""
    if mode not in _LABEL_MODES:
        raise ValueError(
            f'the map {path} has mode {mode}; it needs one channel of integers: 8 or 16 bit gray, '
            f'or a palette'
        )


def read_colors(path: Path) -> NDArray[np.uint8]:
    """Read a map of three 8-bit values per pixel.

    Args:
        path: of an RGB or RGBA PNG.

    Returns:
        (H, W, 3) uint8: R, G, B.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it cannot be decoded or is not RGB.
    """
    mode, values = read_map(path)
    if mode not in ('RGB', 'RGBA'):
        raise ValueError(f'the map {path} has mode {mode}; it needs the channels R, G and B')
    return values[..., :3]


def read_map(path: Path) -> tuple[str, NDArray[np.generic]]:
    """Read a map as it is in the file: palette indices, not colors.

    Args:
        path: of a PNG (or TIFF).

    Returns:
        Pillow's mode, and the values, (H, W) or (H, W, channels).

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it cannot be decoded.
    """
    try:
        with Image.open(path) as image:
            return image.mode, np.array(image)
    except FileNotFoundError as error:
        raise FileNotFoundError(f'the map {path} does not exist') from error
    except (OSError, SyntaxError) as error:
        raise ValueError(f'the map {path} is damaged: {error}') from error


def encode_ids(id_map: NDArray[np.integer]) -> bytes:
    """The PNG of an (H, W) map of ids in [0, 2^24)."""
    _, content = cv2.imencode('.png', ids_to_bgr(id_map))
    return content.tobytes()


def describe_segments(id_map: NDArray[np.integer]) -> list[dict[str, Any]]:
    """``id``, ``area`` (pixels) and ``bbox`` (x, y, width, height) of each segment, by id."""
    runs = find_runs(id_map)
    ids, number = np.unique(runs.values, return_inverse=True)
    if len(ids) and ids[0] == 0:
        ids, number = ids[1:], number - 1
    statistics = instance_statistics(runs, number, len(ids))
    x1, y1, x2, y2 = statistics.bboxes.T
    boxes = np.stack([x1, y1, x2 - x1, y2 - y1], axis=1)
    columns = (ids.tolist(), statistics.areas.tolist(), boxes.tolist())
    return [dict(id=i, area=a, bbox=b) for i, a, b in zip(*columns, strict=True)]


def measure_annotation(
    png: Path, annotation: Mapping[str, Any], image: ImageFile
) -> dict[str, Any]:
    """Check a PNG against its annotation, and measure areas and boxes.

    Args:
        png: id-coded.
        annotation: COCO's, with ``segments_info``.
        image: that it belongs to.

    Returns:
        The annotation with ``area`` and ``bbox`` from the PNG; segments without pixels are left
        out.

    Raises:
        FileNotFoundError: when there is no such PNG.
        ValueError: when it cannot be decoded, has another size, or ids that the annotation lacks.
    """
    id_map = read_id_map(str(png))
    check_size(png, id_map, image)
    listed = {segment['id']: segment for segment in annotation['segments_info']}
    segments = describe_segments(id_map)
    unknown = [segment['id'] for segment in segments if segment['id'] not in listed]
    if unknown:
        raise ValueError(f'{png} has {len(unknown)} ids that its annotation lacks: {unknown[:10]}')
    return dict(annotation, segments_info=[listed[s['id']] | s for s in segments])


def check_size(path: Path, values: NDArray[np.generic], image: ImageFile) -> None:
    """Raise ValueError when the (H, W, ...) values of a file have not the size of the image."""
    height, width = values.shape[:2]
    if (width, height) != image[1:]:
        raise ValueError(
            f'{path} has {width} x {height} pixels, its image {image.path} '
            f'{image.width} x {image.height} (width x height)'
        )


def write_file(path: Path, content: bytes, overwrite: bool) -> None:
    """Write a file in one step: nobody ever meets half of it.

    Args:
        path: of the file; its folder is made.
        content: of the file; one that has it already is left alone.
        overwrite: whether a file with another content may be replaced.

    Raises:
        FileExistsError: when it may not.
    """
    if path.exists() and not overwrite:
        if path.read_bytes() == content:
            return
        raise FileExistsError(
            f'{path} exists with another content; move it away, or replace it by --overwrite'
        )
    replace_file(path, content)


def read_json(path: Path) -> Any:
    """Content of a JSON file.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is not JSON.
    """
    try:
        return json.loads(path.read_text())
    except FileNotFoundError as error:
        raise FileNotFoundError(f'{path} does not exist') from error
    except ValueError as error:
        raise ValueError(f'{path} is not JSON or is cut off: {error}') from error
