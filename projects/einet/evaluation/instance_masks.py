"""Masks of segments as run lengths, straight from a map of ids: no bitmap is made.

Shape shorthand:
    H, W: image
    K: segments
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

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
    pixels = id_map.ravel(order='F')
    starts = np.append(0, np.flatnonzero(pixels[1:] != pixels[:-1]) + 1)
    ends = np.append(starts[1:], len(pixels))
    values = pixels[starts].astype(np.int64)
    order = np.argsort(values, kind='stable')
    wanted = np.asarray(ids, np.int64)
    first = np.searchsorted(values, wanted, 'left', sorter=order)
    last = np.searchsorted(values, wanted, 'right', sorter=order)
    masks = []
    for begin, end in zip(first, last, strict=True):
        runs = order[begin:end]
        edges = np.stack([starts[runs], ends[runs]], axis=1).ravel()
        counts = np.diff(edges, prepend=0, append=len(pixels))
        counts = counts[:-1] if counts[-1] == 0 else counts
        masks.append(dict(size=[height, width], counts=counts))
    return mask_api.frPyObjects(masks, height, width) if masks else []


def mask_areas(masks: list[RLE]) -> NDArray[np.int64]:
    """Pixels of each of K masks: (K,)."""
    # One by one: pycocotools 2.0.11 counts the masks of one call in 8 bits.
    return np.array([mask_api.area(mask) for mask in masks], np.int64)
