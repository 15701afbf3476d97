"""What the network is trained on: one image with its targets.

Images are RGB uint8.

Shape shorthand:
    H, W: network's input
    h, w: feature map
    C, C_th: classes, thing classes
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from ..structures.limits import INSTANCE_OFFSET
from .colors import segment_colors
from .maps import heatmap_overlay
from .panoptic import draw_panoptic, resize_map, resize_pair
from .sheet import panel_size, titled

_RED, _YELLOW = (225, 45, 45), (250, 215, 60)


def target_panels(
    image: np.ndarray,
    panoptic_seg: np.ndarray,
    pixel_weights: np.ndarray,
    heatmap: np.ndarray,
    dataset_meta: Mapping[str, Any],
    box: int,
) -> list[np.ndarray]:
    """Draw an image, its panoptic target with centroids, its weights, and a heatmap per class.

    Args:
        image: (H, W, 3) uint8 RGB.
        panoptic_seg: (H, W) int panoptic ids, void and crowd = C.
        pixel_weights: (H, W) float, weight of each pixel in the semantic loss; 0 is ignored.
        heatmap: (C_th, h, w) in [0, 1], or one channel for all things; 1 at centroids.
        dataset_meta: ``classes`` (C names), ``thing_classes`` and, if the data set has one,
            ``palette``.
        box: Side of the square that the images are scaled to fit.

    Returns:
        (h', w', 3) uint8 RGB images of one size, each with its title; heatmaps of the classes that
        are there alone.
    """
    classes = dataset_meta['classes']
    size = panel_size(*image.shape[:2], box)
    small, ids = resize_pair(image, panoptic_seg, size)
    colors = segment_colors(panoptic_seg, len(classes), dataset_meta.get('palette'))
    target = draw_panoptic(small, ids, classes, colors)
    channel, rows, columns = np.nonzero(heatmap == 1)
    cells = np.stack([columns, rows], axis=1)
    centroids = (cells + 0.5) * np.array(size) / np.array(heatmap.shape[:0:-1]) - 0.5
    _draw_dots(target, centroids)
    count = len(np.unique(panoptic_seg[panoptic_seg >= INSTANCE_OFFSET]))
    panels = [
        titled(small, 'input of the network'),
        titled(target, f'panoptic target, instances: {count}'),
        _weights_panel(small, pixel_weights),
    ]
    one_for_all = len(heatmap) < len(dataset_meta['thing_classes'])
    for label in np.unique(channel):
        own = centroids[channel == label]
        name = 'all things' if one_for_all else classes[label]
        drawn = heatmap_overlay(small, heatmap[label], own)
        panels.append(titled(drawn, f'heatmap of {name}: {len(own)}'))
    return panels


def _draw_dots(image: np.ndarray, points: np.ndarray) -> None:
    """Mark points (n, 2), xy, by red dots with white edges. Draws in place."""
    for x, y in np.round(points).astype(int).tolist():
        for color, radius in (((255, 255, 255), 4), (_RED, 2)):
            cv2.circle(image, (x, y), radius, color, cv2.FILLED, cv2.LINE_AA)


def _weights_panel(image: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Grayed image; red where pixels do not count, yellow where they count more than others."""
    ignored, heavy = weights == 0, weights > 1
    drawn = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    for mask, color in ((ignored, _RED), (heavy, _YELLOW)):
        shown = resize_map(mask.astype(np.int32), image.shape[1::-1]) > 0
        drawn[shown] = 0.4 * drawn[shown] + 0.6 * np.array(color)
    title = f'red: ignored, {100 * ignored.mean():.0f} %'
    if heavy.any():
        title += f'; yellow: counts {weights.max():g} times'
    return titled(drawn.astype(np.uint8), title)
