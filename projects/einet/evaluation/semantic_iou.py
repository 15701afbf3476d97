"""Intersection over union of classes, from a panoptic ground truth and a map of labels, in numpy.

Letters: H x W pixels; C classes; J classes of one image.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..structures.segments import NONE, GroundTruthSegments
from .pq import count_overlaps


class IoUStatistics(NamedTuple):
    """Pixels of the J classes that an image (or a whole set) concerns.

    Attributes:
        labels: (J,) int64, ascending.
        intersection: (J,) int64, pixels of the class in both.
        predicted: (J,) int64, pixels predicted as the class where the ground truth counts.
        annotated: (J,) int64, pixels of the class in the ground truth.
    """

    labels: NDArray[np.int64]
    intersection: NDArray[np.int64]
    predicted: NDArray[np.int64]
    annotated: NDArray[np.int64]


class SemanticQuality(NamedTuple):
    """Values in [0, 1], NaN where there is nothing to measure.

    Attributes:
        iou: (C,) NaN for classes in neither the ground truth nor the prediction.
        accuracy: (C,) share of a class's annotated pixels that were found.
        pixel_accuracy: share of all annotated pixels.
    """

    iou: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    pixel_accuracy: float


def iou_statistics(
    gt_map: NDArray[np.integer],
    gt_segments: GroundTruthSegments,
    pred_labels: NDArray[np.integer],
    num_classes: int,
    ignore_crowd: bool,
) -> IoUStatistics:
    """Count the pixels of one image.

    Args:
        gt_map: (H, W) integer ids, each listed in ``gt_segments`` or 0 = void. Pixels of void do
            not count, whatever is predicted there.
        gt_segments: G segments.
        pred_labels: (H, W) integer in [0, C).
        num_classes: C.
        ignore_crowd: pixels of crowd segments do not count either; otherwise they are of the
            segment's class.

    Returns:
        The counts of the classes that appear in either map.

    Raises:
        ValueError: when the maps differ in size, ``gt_map`` has an id that is not listed, or
            ``pred_labels`` a value outside [0, C).
    """
    overlaps = count_overlaps(gt_map, pred_labels)
    largest = overlaps.pred_ids.max(initial=0)
    if largest >= num_classes:
        raise ValueError(
            f'the semantic prediction has label {largest}; labels are 0 to {num_classes - 1}'
        )
    left_out = gt_segments.is_crowd & ignore_crowd
    # Void has row NONE = -1, so it finds the last entry.
    labels_of_rows = np.append(np.where(left_out, NONE, gt_segments.labels), NONE)
    gt_labels = labels_of_rows[gt_segments.rows_of(overlaps.gt_ids)]
    counted = gt_labels != NONE
    gt_labels, pred, areas = gt_labels[counted], overlaps.pred_ids[counted], overlaps.areas[counted]
    hit = gt_labels == pred
    intersection, predicted, annotated = (
        np.bincount(labels, weights, num_classes).astype(np.int64)
        for labels, weights in ((pred[hit], areas[hit]), (pred, areas), (gt_labels, areas))
    )
    present = np.flatnonzero(predicted + annotated)
    return IoUStatistics(present, intersection[present], predicted[present], annotated[present])


def sum_iou_statistics(statistics: Iterable[IoUStatistics], num_classes: int) -> IoUStatistics:
    """Add up images.

    Args:
        statistics: one per image.
        num_classes: C.

    Returns:
        All C classes.
    """
    totals = np.zeros((3, num_classes), np.int64)
    for labels, *counts in statistics:
        totals[:, labels] += np.stack(counts)
    return IoUStatistics(np.arange(num_classes), *totals)


def semantic_quality(total: IoUStatistics) -> SemanticQuality:
    r"""IoU and accuracy of each class, and accuracy of all pixels.

    .. math::
        IoU = \frac{\text{intersection}}{\text{predicted} + \text{annotated} - \text{intersection}}

    Args:
        total: all C classes.

    Returns:
        Values in [0, 1].
    """
    with np.errstate(invalid='ignore'):
        iou = total.intersection / (total.predicted + total.annotated - total.intersection)
        accuracy = total.intersection / total.annotated
    pixels = total.annotated.sum()
    pixel_accuracy = float(total.intersection.sum() / pixels) if pixels else math.nan
    return SemanticQuality(iou, accuracy, pixel_accuracy)


def mean_of_present(values: NDArray[np.float64]) -> float:
    """Mean of the values that are not NaN; NaN when all are."""
    present = values[~np.isnan(values)]
    return float(present.mean()) if len(present) else math.nan
