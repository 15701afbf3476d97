"""Class names written inside segments.

Points are (x, y) in pixels. Images are RGB uint8.

Shape shorthand:
    H, W: map
    n: segments
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from matplotlib import font_manager, ft2font
from mmengine.logging import print_log
from PIL import Image, ImageDraw, ImageFont

# Heights in pixels; in large images as many parts of the shorter side, so that they stay legible.
_MIN_FONT, _MAX_FONT = 12, 22
_MIN_FONT_PARTS, _MAX_FONT_PARTS = 70, 35
# Text is wider than high: room is measured by ellipses this many times as wide as high ...
_ASPECT = 2
# ... and a name may be this many times as wide as its ellipse: it sticks out a little.
_OVERHANG = 1.3
# Of places with about the same room, the more central one: pixels of room given up per pixel.
_CENTERING = 0.02
# Half height of the smallest segment that may bring its class's only name.
_MIN_HALF_HEIGHT = 3

_Box = tuple[float, float, float, float]


def load_font(
    size: int, bold: bool = True, text: str = '', font: str | None = None
) -> ImageFont.FreeTypeFont:
    """A font that can write a text, see :func:`font_file`.

    Args:
        size: Height in pixels.
        bold: Whether to take a bold face.
        text: What will be written.
        font: Font file to prefer.

    Returns:
        A Pillow font.
    """
    return _open_font(font_file(text, bold, font), size)


@lru_cache(maxsize=1024)
def font_file(text: str, bold: bool = True, font: str | None = None) -> str:
    """The first font that has all characters of a text.

    ``font`` comes first, then DejaVu Sans, which matplotlib carries: it knows accents, and looks
    the same everywhere. The system's fonts follow.

    Args:
        text: What will be written.
        bold: Whether to prefer a bold face.
        font: Font file to prefer.

    Returns:
        Path of the font; DejaVu Sans after a warning when none has all characters.
    """
    name = 'DejaVuSans-Bold.ttf' if bold else 'DejaVuSans.ttf'
    default = str(Path(matplotlib.get_data_path()) / 'fonts' / 'ttf' / name)
    wanted = {ord(character) for character in text if character.isprintable()} - {ord(' ')}
    for path in (font, default):
        if path is not None and wanted <= _characters(path):
            return path
    for path in _system_fonts(bold):
        if wanted <= _characters(path):
            return path
    _warn_of_missing_font()
    return default


@lru_cache(maxsize=64)
def _open_font(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)


@lru_cache(maxsize=4096)
def _characters(path: str) -> frozenset[int]:
    """Code points that a font can draw; none of a file that is no scalable font."""
    try:
        face = ft2font.FT2Font(path)
    except (OSError, RuntimeError):
        return frozenset()
    return frozenset(face.get_charmap()) if face.scalable else frozenset()


@lru_cache(maxsize=2)
def _system_fonts(bold: bool) -> tuple[str, ...]:
    """Font files of the system, upright ones of the wanted weight first."""
    # The system's last resort has a box for every character.
    paths = [path for path in font_manager.findSystemFonts() if 'lastresort' not in path.lower()]

    def rank(path: str) -> tuple[bool, bool, str]:
        name = Path(path).name.lower()
        return 'italic' in name or 'oblique' in name, ('bold' in name) != bold, path

    return tuple(sorted(paths, key=rank))


@lru_cache(maxsize=1)
def _warn_of_missing_font() -> None:
    """Say once that names will be boxes."""
    print_log(
        'no font of this system has all characters of the class names, which are drawn as boxes: '
        'install one (for example Noto Sans CJK), or name a file by `visualizer.font`',
        logger='current',
        level=logging.WARNING,
    )


def borders(panoptic_seg: np.ndarray) -> np.ndarray:
    """Pixels on either side of a change of segment.

    Args:
        panoptic_seg: (H, W) int panoptic ids.

    Returns:
        (H, W) bool.
    """
    edge = np.zeros(panoptic_seg.shape, bool)
    vertical = panoptic_seg[1:] != panoptic_seg[:-1]
    horizontal = panoptic_seg[:, 1:] != panoptic_seg[:, :-1]
    edge[1:] |= vertical
    edge[:-1] |= vertical
    edge[:, 1:] |= horizontal
    edge[:, :-1] |= horizontal
    return edge


def label_anchors(panoptic_seg: np.ndarray, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The largest ellipse, twice as wide as high, inside each segment: center and half height.

    One distance transform serves all segments: the distance to the nearest border of any segment
    is, inside a segment, the distance to its own. The map is squeezed to half its width before, so
    that discs stand for ellipses.

    Args:
        panoptic_seg: (H, W) int panoptic ids.
        ids: (n,) int ids.

    Returns:
        Centers (n, 2) int xy and half heights (n,) float32, both in pixels; 0 for an id that is not
        left in the map (a small segment can vanish when a map is made smaller).
    """
    panoptic_seg = (
        panoptic_seg[:, _ASPECT // 2 :: _ASPECT]
        if panoptic_seg.shape[1] >= _ASPECT
        else panoptic_seg
    )
    inside = np.pad(~borders(panoptic_seg), 1).astype(np.uint8)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 5)[1:-1, 1:-1].ravel()
    # In ascending order the last write per id, its best pixel, stays.
    order = np.argsort(distance - _CENTERING * _distance_to_mean(panoptic_seg), kind='stable')
    size = 1 + max(int(panoptic_seg.max(initial=0)), int(ids.max(initial=0)))
    table = np.full(size, -1, np.int64)
    table[panoptic_seg.ravel()[order]] = order
    best = table[ids]
    y, x = np.divmod(best, panoptic_seg.shape[1])
    return np.stack([_ASPECT * x + _ASPECT // 2, y], axis=1), np.where(best >= 0, distance[best], 0)


def _distance_to_mean(panoptic_seg: np.ndarray) -> np.ndarray:
    """Distance of each pixel to the center of mass of its segment, (H * W,)."""
    ids = panoptic_seg.ravel()
    y, x = np.divmod(np.arange(ids.size), panoptic_seg.shape[1])
    counts = np.maximum(np.bincount(ids), 1)
    mean_x, mean_y = np.bincount(ids, x) / counts, np.bincount(ids, y) / counts
    return np.hypot(x - mean_x[ids], y - mean_y[ids])


def draw_labels(
    image: np.ndarray,
    anchors: np.ndarray,
    half_heights: np.ndarray,
    names: Sequence[str],
    font: str | None = None,
) -> np.ndarray:
    """Write each name at its anchor, where it fits and covers no other name.

    The roomiest segments come first; the size follows the room; a segment too small for a legible
    name gets none. A class that is left without a name then gets one below its roomiest segment,
    unless that is tiny.

    Args:
        image: (H, W, 3) uint8 RGB.
        anchors: (n, 2) xy centers.
        half_heights: (n,) ellipses' half heights around them, in pixels.
        names: n texts.
        font: Font file to prefer, see :func:`font_file`.

    Returns:
        A new (H, W, 3) uint8 RGB image.
    """
    canvas = Image.fromarray(image)
    pen = ImageDraw.Draw(canvas)
    placed: list[_Box] = []
    written: set[str] = set()
    order = np.argsort(-half_heights, kind='stable')
    shorter = min(image.shape[:2])
    smallest = max(_MIN_FONT, shorter // _MIN_FONT_PARTS)
    largest = max(_MAX_FONT, shorter // _MAX_FONT_PARTS)
    for index in order:
        fitting = _fitting_font(
            pen, names[index], float(half_heights[index]), smallest, largest, font
        )
        if fitting is not None and _write(pen, names[index], fitting, anchors[index], placed):
            written.add(names[index])
    for index in order[half_heights[order] >= _MIN_HALF_HEIGHT]:
        below = anchors[index] + (0, half_heights[index] + smallest)
        name = names[index]
        small = load_font(smallest, text=name, font=font)
        if name not in written and _write(pen, name, small, below, placed):
            written.add(name)
    return np.array(canvas)


def _write(
    pen: ImageDraw.ImageDraw,
    name: str,
    font: ImageFont.FreeTypeFont,
    center: np.ndarray,
    placed: list[_Box],
) -> bool:
    """Write a name, inside the image, unless it would cover another; whether it was written."""
    half = np.array([pen.textlength(name, font) / 2, font.size / 2])
    lowest = half + 2
    x, y = np.clip(center, lowest, np.maximum(lowest, np.array(pen.im.size) - lowest)).tolist()
    box = (x - half[0], y - half[1], x + half[0], y + half[1])
    if any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in placed):
        return False
    placed.append(box)
    pen.text((x, y), name, 'white', font, anchor='mm', stroke_width=2, stroke_fill='black')
    return True


def _fitting_font(
    pen: ImageDraw.ImageDraw,
    name: str,
    half_height: float,
    smallest: int,
    largest: int,
    file: str | None,
) -> ImageFont.FreeTypeFont | None:
    """The largest font in which ``name`` fits the ellipse; None when there is none."""
    for size in range(min(largest, int(2 * half_height)), smallest - 1, -1):
        font = load_font(size, text=name, font=file)
        if pen.textlength(name, font) <= _OVERHANG * 2 * _ASPECT * half_height:
            return font
    return None
