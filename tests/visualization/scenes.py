"""Panoptic maps by hand. Classes: cat 0, dog 1 (things), grass 2, sky 3 (stuff); void 4."""

import numpy as np

META = dict(
    classes=('cat', 'dog', 'grass', 'sky'),
    thing_classes=('cat', 'dog'),
    stuff_classes=('grass', 'sky'),
    palette=[(250, 0, 0), (0, 250, 0), (20, 90, 30), (110, 160, 240)],
)
VOID = 4


def pets(height: int = 60, width: int = 80) -> np.ndarray:
    """Sky over grass, two cats that touch, a dog apart, void in the bottom right corner."""
    panoptic_seg = np.full((height, width), 3, np.int64)
    panoptic_seg[height // 2 :] = 2
    panoptic_seg[10:40, 8:28] = 1000
    panoptic_seg[10:40, 28:44] = 2000
    panoptic_seg[14:44, 54:70] = 3001
    panoptic_seg[-8:, -20:] = VOID
    return panoptic_seg


def photo(height: int = 60, width: int = 80) -> np.ndarray:
    """Noise around gray, (H, W, 3) uint8."""
    return np.random.default_rng(0).integers(80, 176, (height, width, 3), np.uint8)
