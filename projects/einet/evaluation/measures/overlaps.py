"""Pixels that two maps of ids share: what PQ, mIoU and Cityscapes' AP are counted from.

Shape shorthand:
    H, W: image
    N: pairs (ground-truth id, predicted id) that share at least one pixel
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Overlaps(NamedTuple):
    """N pairs of ids with their pixels.

    Attributes:
        gt_ids: (N,) int64.
        pred_ids: (N,) int64.
        areas: (N,) int64, shared pixels.
    """

    gt_ids: NDArray[np.int64]
    pred_ids: NDArray[np.int64]
    areas: NDArray[np.int64]


def check_same_size(gt_map: NDArray[np.integer], pred_map: NDArray[np.integer]) -> None:
    """Refuse two maps of different sizes.

    Args:
        gt_map: Ground truth.
        pred_map: Prediction.

    Raises:
        ValueError: The maps differ in size.
    """
    if gt_map.shape != pred_map.shape:
        raise ValueError(
            f'the prediction is {pred_map.shape} (height, width) '
            f'and the ground truth {gt_map.shape}'
        )


def count_overlaps(gt_map: NDArray[np.integer], pred_map: NDArray[np.integer]) -> Overlaps:
    """Count the pixels of each pair of ids.

    Panoptic maps are piecewise constant, so runs of equal pixels are sorted instead of pixels.

    Args:
        gt_map: (H, W) integer, ids in [0, 2^31).
        pred_map: (H, W) integer, ids in [0, 2^31).

    Returns:
        The pairs with at least one pixel, by ground-truth id, then by predicted id.

    Raises:
        ValueError: The maps differ in size, or an id lies outside the range.
    """
    check_same_size(gt_map, pred_map)
    gt, pred = gt_map.ravel(), pred_map.ravel()
    starts = _run_starts(gt, pred)
    lengths = np.append(starts[1:], len(gt)) - starts
    gt, pred = gt[starts].astype(np.int64), pred[starts].astype(np.int64)
    for ids, name in ((gt, 'ground truth'), (pred, 'prediction')):
        if ids.min(initial=0) < 0 or ids.max(initial=0) >= 1 << 31:
            raise ValueError(f'the {name} has ids outside [0, 2^31): {ids.min()} to {ids.max()}')
    keys = (gt << 32) | pred
    order = np.argsort(keys)
    keys = keys[order]
    firsts = _run_starts(keys)
    areas = np.add.reduceat(lengths[order], firsts)
    return Overlaps(keys[firsts] >> 32, keys[firsts] & 0xFFFFFFFF, areas)


def _run_starts(*columns: NDArray[np.integer]) -> NDArray[np.int64]:
    """Where any of several arrays of one length differs from its element before."""
    is_start = np.empty(len(columns[0]), bool)
    is_start[:1] = True
    np.not_equal(columns[0][1:], columns[0][:-1], out=is_start[1:])
    for values in columns[1:]:
        is_start[1:] |= values[1:] != values[:-1]
    return np.flatnonzero(is_start)
