"""One row of a contact sheet: what the network saw, should have said, said, and computed inside.

Shape shorthand:
    H, W: image
    h, w: feature map
    C, C_th: classes, thing classes
    D: embedding width
    K: instances
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from ..structures.limits import INSTANCE_OFFSET
from .colors import segment_colors
from .maps import embedding_colors, heatmap_overlay
from .panoptic import draw_panoptic, resize_pair
from .sheet import panel_size

PANEL_TITLES = ('input', 'ground truth', 'prediction', 'centroid heatmap', 'instance embedding')


def model_panels(
    image: np.ndarray,
    truth: np.ndarray,
    prediction: np.ndarray,
    heatmap: np.ndarray,
    embedding: np.ndarray,
    centroids: np.ndarray,
    dataset_meta: Mapping[str, Any],
    box: int,
) -> list[np.ndarray]:
    """Draw the five images that belong to :data:`PANEL_TITLES`.

    An instance that was found has the same color in ground truth and prediction.

    Args:
        image: (H, W, 3) uint8 RGB.
        truth: (H, W) int panoptic ids, void = C.
        prediction: (H, W) int panoptic ids, void = C.
        heatmap: (C_th, h, w) probabilities that cover the image.
        embedding: I, (D, h, w) values that cover the image.
        centroids: (K, 2) xy in the image's pixels, peaks that became instances.
        dataset_meta: ``classes`` (C names) and, if the data set has one, ``palette``.
        box: Side of the square that the images are scaled to fit.

    Returns:
        Five (h', w', 3) uint8 RGB images of one size.
    """
    classes, palette = dataset_meta['classes'], dataset_meta.get('palette')
    size = panel_size(*image.shape[:2], box)
    truth_colors = segment_colors(truth, len(classes), palette)
    colors = segment_colors(prediction, len(classes), palette, reference=(truth, truth_colors))
    small, truth = resize_pair(image, truth, size)
    _, prediction = resize_pair(image, prediction, size)
    things = (prediction >= INSTANCE_OFFSET).astype(np.uint8)
    mask = cv2.resize(things, embedding.shape[:0:-1], interpolation=cv2.INTER_NEAREST) > 0
    in_panel = (centroids + 0.5) * np.array(size) / np.array(image.shape[1::-1]) - 0.5
    return [
        small,
        draw_panoptic(small, truth, classes, truth_colors),
        draw_panoptic(small, prediction, classes, colors),
        heatmap_overlay(small, heatmap, in_panel),
        cv2.resize(embedding_colors(embedding, mask), size, interpolation=cv2.INTER_LINEAR),
    ]
