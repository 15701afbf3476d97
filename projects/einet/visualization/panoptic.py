"""Draw a panoptic map over its image.

A panoptic id is ``label + 1000 * instance``; void is label C. Images are RGB uint8.

Shape shorthand:
    H, W: image
    C: classes
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..structures.limits import INSTANCE_OFFSET
from .colors import SegmentColors, segment_colors
from .labels import borders, draw_labels, label_anchors

_STUFF_ALPHA_SHARE = 0.7
_HATCH_PERIOD, _HATCH_WIDTH = 12, 3
_VOID_DARK, _VOID_LIGHT = (35, 35, 35), (95, 95, 95)


def fit_scale(height: int, width: int, min_size: int) -> float:
    """The factor that brings the shorter side to ``min_size`` (never below 1, at most 8).

    Args:
        height: Image's height.
        width: Image's width.
        min_size: Wanted shorter side in pixels.

    Returns:
        A factor in [1, 8].
    """
    return float(np.clip(min_size / max(1, min(height, width)), 1, 8))


def resize_pair(
    image: np.ndarray, panoptic_seg: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Bring an image (smoothly) and its map (nearest) to one size.

    Args:
        image: (h, w, 3) uint8.
        panoptic_seg: (h', w') int.
        size: Wanted (width, height).

    Returns:
        (height, width, 3) uint8 and (height, width) int32.
    """
    shrink = size[0] < image.shape[1]
    if image.shape[1::-1] != size:
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrink else cv2.INTER_CUBIC)
    return image, resize_map(panoptic_seg, size)


def resize_map(panoptic_seg: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bring a map to a size, nearest by pixel centers, as its image is resized.

    Args:
        panoptic_seg: (h, w) int.
        size: Wanted (width, height).

    Returns:
        (height, width) int32.
    """
    panoptic_seg = panoptic_seg.astype(np.int32)
    if panoptic_seg.shape[::-1] == tuple(size):
        return panoptic_seg
    return cv2.resize(panoptic_seg, size, interpolation=cv2.INTER_NEAREST_EXACT)


def draw_panoptic(
    image: np.ndarray,
    panoptic_seg: np.ndarray,
    classes: Sequence[str],
    colors: SegmentColors | None = None,
    palette: Sequence[Sequence[int]] | str | None = None,
    alpha: float = 0.65,
    with_names: bool = True,
    font: str | None = None,
) -> np.ndarray:
    """Lay a panoptic map over its image.

    One color per instance, stuff in its palette color and fainter, white lines around instances
    and dark ones between stuff, class names inside the segments that have room, void dark and
    hatched.

    Args:
        image: (H, W, 3) uint8 RGB.
        panoptic_seg: (H, W) int panoptic ids, void = ``len(classes)``.
        classes: C names, things first.
        colors: What :func:`segment_colors` returned; computed from ``palette`` when missing.
        palette: C RGB triples, a name of mmdet's, or None.
        alpha: Opacity of instances in [0, 1].
        with_names: Whether to write class names.
        font: Font file to prefer for them, see :func:`.labels.font_file`.

    Returns:
        A new (H, W, 3) uint8 RGB image.

    Raises:
        ValueError: The sizes of image and map differ.
    """
    if image.shape[:2] != panoptic_seg.shape:
        raise ValueError(
            f'the image is {image.shape[:2]} (height, width) but its panoptic map is '
            f'{panoptic_seg.shape}; resize one of them first, see resize_pair()'
        )
    if colors is None:
        colors = segment_colors(panoptic_seg, len(classes), palette)
    is_instance = panoptic_seg >= INSTANCE_OFFSET
    is_void = panoptic_seg % INSTANCE_OFFSET >= len(classes)
    opacity = np.where(is_instance, alpha, alpha * _STUFF_ALPHA_SHARE)[..., None]
    drawn = (opacity * colors.paint(panoptic_seg) + (1 - opacity) * image).astype(np.uint8)
    drawn[is_void] = _hatched(image)[is_void]
    _draw_borders(drawn, panoptic_seg, is_instance)
    if not with_names or not len(colors.ids):
        return drawn
    anchors, half_heights = label_anchors(panoptic_seg, colors.ids)
    names = [classes[label] for label in colors.ids % INSTANCE_OFFSET]
    return draw_labels(drawn, anchors, half_heights, names, font)


def _draw_borders(drawn: np.ndarray, panoptic_seg: np.ndarray, is_instance: np.ndarray) -> None:
    """White where an instance takes part in the border, dark between stuff. Draws in place."""
    edge = borders(panoptic_seg)
    # One pixel of the border lies in the neighbor, so that the line is complete on both sides.
    near_instance = cv2.dilate(is_instance.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    drawn[edge & ~near_instance] = (30, 30, 30)
    drawn[edge & near_instance] = (255, 255, 255)


def _hatched(image: np.ndarray) -> np.ndarray:
    """The image darkened under diagonal stripes: void must not pass for a class."""
    y, x = np.ogrid[: image.shape[0], : image.shape[1]]
    stripe = ((x + y) % _HATCH_PERIOD < _HATCH_WIDTH)[..., None]
    return (0.25 * image + 0.75 * np.where(stripe, _VOID_LIGHT, _VOID_DARK)).astype(np.uint8)
