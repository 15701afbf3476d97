"""From the statistics of images to PQ, SQ and RQ of categories and of groups of categories.

Source: Kirillov et al., "Panoptic Segmentation", CVPR 2019; a group's value is the mean over those
of its categories that appear in the ground truth or in the predictions, as in panopticapi.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .pq import PQStatistics


class PanopticQuality(NamedTuple):
    """PQ, SQ and RQ in [0, 1]; arrays (C,) or floats. NaN where no segment of a category exists."""

    pq: NDArray[np.float64] | float
    sq: NDArray[np.float64] | float
    rq: NDArray[np.float64] | float


def sum_statistics(statistics: Iterable[PQStatistics], num_classes: int) -> PQStatistics:
    """Add up images; the sum does not depend on their order, to the last bit.

    Args:
        statistics: one per image.
        num_classes: C.

    Returns:
        All C categories.
    """
    images = list(statistics)

    def join(field: str, dtype: type) -> NDArray[np.generic]:
        return np.concatenate([np.empty(0, dtype), *(getattr(image, field) for image in images)])

    labels = join('labels', np.int64)

    def total(field: str) -> NDArray[np.int64]:
        counts = np.bincount(labels, join(field, np.int64), minlength=num_classes)
        return counts.astype(np.int64)

    order = np.argsort(labels, kind='stable')
    bounds = np.searchsorted(labels[order], np.arange(1, num_classes))
    iou = [math.fsum(values) for values in np.split(join('iou', np.float64)[order], bounds)]
    return PQStatistics(
        np.arange(num_classes), np.array(iou), total('tp'), total('fp'), total('fn')
    )


def class_quality(statistics: PQStatistics) -> PanopticQuality:
    r"""PQ, SQ and RQ of every category.

    .. math::
        SQ = \frac{\sum IoU}{TP}, \quad RQ = \frac{TP}{TP + FP / 2 + FN / 2}, \quad PQ = SQ \cdot RQ

    Args:
        statistics: of J categories.

    Returns:
        (J,) arrays in [0, 1]. NaN where a category has no segment at all; SQ is 0, as in
        panopticapi, where it has some but none matched.
    """
    weights = statistics.tp + 0.5 * statistics.fp + 0.5 * statistics.fn
    with np.errstate(invalid='ignore'):
        pq = statistics.iou / weights
        rq = statistics.tp / weights
    sq = statistics.iou / np.maximum(statistics.tp, 1)
    return PanopticQuality(pq, np.where(weights > 0, sq, np.nan), rq)


def mean_quality(quality: PanopticQuality, classes: Sequence[int]) -> tuple[PanopticQuality, int]:
    """Average over the categories that appear.

    Args:
        quality: (C,) arrays.
        classes: the labels to average over.

    Returns:
        Three floats, NaN when none of ``classes`` appears (panopticapi divides by zero there), and
        the number of categories that do appear.
    """
    values = np.stack(quality)[:, list(classes)]
    values = values[:, ~np.isnan(values[0])]
    num = values.shape[1]
    if not num:
        return PanopticQuality(math.nan, math.nan, math.nan), 0
    return PanopticQuality(*(float(row.sum() / num) for row in values)), num
