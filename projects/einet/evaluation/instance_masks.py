"""Masks of segments as run lengths, straight from a map of ids: no bitmap is made.

Shape shorthand:
    H, W: image
    K: segments
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as mask_api

#: COCO's compressed run lengths: ``dict(size=[H, W], counts=bytes)``.
RLE = dict[str, Any]


class Masks(NamedTuple):
    """K instances of one image with their masks.

    Attributes:
        labels: (K,) int64 in [0, C_th).
        masks: K run lengths.
        scores: (K,) float64; zeros for ground truth.
        is_crowd: (K,) bool.
    """

    labels: NDArray[np.int64]
    masks: list[RLE]
    scores: NDArray[np.float64]
    is_crowd: NDArray[np.bool_]


def encode_segments(id_map: NDArray[np.integer], ids: Sequence[int]) -> list[RLE]:
    """Run lengths of the pixels that have each of some ids, as ``pycocotools.mask.encode`` gives.

    COCO counts down the columns. The runs of all segments are found at once, so the cost hardly
    depends on K and memory does not.

    Args:
        id_map: (H, W) integer ids.
        ids: K ids; one that no pixel has gets an empty mask.

    Returns:
        K run lengths.
    """
    height, width = id_map.shape
    is_start = np.empty((height, width), bool)
    np.not_equal(id_map[1:], id_map[:-1], out=is_start[1:])
    # A column goes on where the one before it ends.
    np.not_equal(id_map[0, 1:], id_map[-1, :-1], out=is_start[0, 1:])
    is_start[0, 0] = True
    # OpenCV transposes several times as fast as NumPy.
    starts = np.flatnonzero(cv2.transpose(is_start.view(np.uint8)).view(bool))
    ends = np.append(starts[1:], height * width)
    values = id_map[starts % height, starts // height].astype(np.int64)
    order = np.argsort(values, kind='stable')
    edges = np.stack([starts[order], ends[order]], axis=1)
    wanted = np.asarray(ids, np.int64)
    first = np.searchsorted(values, wanted, 'left', sorter=order)
    last = np.searchsorted(values, wanted, 'right', sorter=order)
    masks = []
    for begin, end in zip(first.tolist(), last.tolist(), strict=True):
        counts = np.diff(np.concatenate(([0], edges[begin:end].ravel(), [height * width])))
        counts = counts[:-1] if counts[-1] == 0 else counts
        masks.append(dict(size=[height, width], counts=counts))
    return mask_api.frPyObjects(masks, height, width) if masks else []


def mask_areas(masks: list[RLE]) -> NDArray[np.int64]:
    """Pixels of each of K masks: (K,)."""
    # One by one: pycocotools 2.0.11 counts the masks of one call in 8 bits.
    return np.array([mask_api.area(mask) for mask in masks], np.int64)
