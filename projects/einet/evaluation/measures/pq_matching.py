"""Which segments of one image match, from maps of ids: the rules of panopticapi without its loops.

Source: Kirillov et al., "Panoptic Segmentation", CVPR 2019; the rules for void and crowd are those
of ``panopticapi.evaluation.pq_compute_single_core``.

Shape shorthand:
    H, W: image
    C: classes
    J: classes that one image concerns
    G: ground-truth segments
    P: predicted segments
    N: pairs (ground-truth segment, predicted segment) that share at least one pixel
    M: matched pairs
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...structures.panoptic_ids import decode_labels
from ...structures.segments import NONE, GroundTruthSegments
from .overlaps import count_overlaps


@dataclass(frozen=True)
class PQStatistics:
    """What one image (or a whole set) adds to PQ, for the J classes that it concerns.

    Args:
        labels: (J,) int64, ascending.
        iou: (J,) float64, sum of the matched segments' IoU.
        tp: (J,) int64, matched segments.
        fp: (J,) int64, unmatched predicted segments.
        fn: (J,) int64, unmatched ground-truth segments.
    """

    labels: NDArray[np.int64]
    iou: NDArray[np.float64]
    tp: NDArray[np.int64]
    fp: NDArray[np.int64]
    fn: NDArray[np.int64]


def pq_statistics(
    gt_map: NDArray[np.integer],
    gt_segments: GroundTruthSegments,
    pred_map: NDArray[np.integer],
    num_classes: int,
) -> PQStatistics:
    """Match the segments of one image; areas come from the maps alone.

    Args:
        gt_map: (H, W) integer ids, each listed in ``gt_segments`` or 0 = void.
        gt_segments: G segments. One without a pixel counts as missed.
        pred_map: (H, W) panoptic ids in [0, 2^31), void = C.
        num_classes: C.

    Returns:
        The statistics of the classes that were matched, missed or wrongly predicted.

    Raises:
        ValueError: The maps differ in size, ``gt_map`` has an id that is not listed, or
            ``pred_map`` a label outside [0, C].
    """
    overlaps = count_overlaps(gt_map, pred_map)
    gt_rows = gt_segments.rows_of(overlaps.gt_ids)
    pred_ids, pred_rows = np.unique(overlaps.pred_ids, return_inverse=True)
    pred_labels = decode_labels(pred_ids, num_classes)
    matches, ious, ignored = _match(
        gt_rows, pred_rows, overlaps.areas, gt_segments, pred_labels, num_classes
    )

    def count(labels: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.bincount(labels, minlength=num_classes)

    matched_labels = pred_labels[matches]
    iou: NDArray[np.float64] = np.bincount(matched_labels, ious, num_classes).astype(np.float64)
    tp = count(matched_labels)
    fp = count(pred_labels[(pred_labels != NONE) & ~ignored]) - tp
    fn = count(gt_segments.labels[~gt_segments.is_crowd]) - tp
    present = np.flatnonzero(tp + fp + fn)
    return PQStatistics(present, iou[present], tp[present], fp[present], fn[present])


def _match(
    gt_rows: NDArray[np.int64],
    pred_rows: NDArray[np.int64],
    areas: NDArray[np.int64],
    gt: GroundTruthSegments,
    pred_labels: NDArray[np.int64],
    num_classes: int,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
    """Apply panopticapi's rules to the N overlaps.

    Args:
        gt_rows: (N,) rows into ``gt``, NONE where void.
        pred_rows: (N,) rows into ``pred_labels``.
        areas: (N,) shared pixels.
        gt: G segments.
        pred_labels: (P,) labels, NONE where void.
        num_classes: C.

    Returns:
        (M,) rows of the matched predictions, (M,) the IoU of each, and (P,) which predictions are
        no false positives because void or crowd covers most of them.
    """
    in_void = gt_rows == NONE
    num_gt, num_pred = len(gt.ids), len(pred_labels)
    gt_areas = np.bincount(gt_rows[~in_void], areas[~in_void], minlength=num_gt)
    pred_areas = np.bincount(pred_rows, areas, minlength=num_pred)
    void_areas = np.bincount(pred_rows[in_void], areas[in_void], minlength=num_pred)

    same_class = ~in_void
    same_class[~in_void] = gt.labels[gt_rows[~in_void]] == pred_labels[pred_rows[~in_void]]
    gt_rows, pred_rows, areas = gt_rows[same_class], pred_rows[same_class], areas[same_class]

    # panopticapi remembers one crowd segment of a class, the last one listed; so does numpy when
    # an index repeats in an assignment.
    crowd_of_class = np.full(num_classes, NONE)
    crowd_rows = np.flatnonzero(gt.is_crowd)
    crowd_of_class[gt.labels[crowd_rows]] = crowd_rows
    in_crowd = crowd_of_class[gt.labels[gt_rows]] == gt_rows
    crowd_areas = np.bincount(pred_rows[in_crowd], areas[in_crowd], minlength=num_pred)

    unions = pred_areas[pred_rows] + gt_areas[gt_rows] - areas - void_areas[pred_rows]
    ious = areas / unions
    is_match = (ious > 0.5) & ~gt.is_crowd[gt_rows]
    matches = pred_rows[is_match]
    ignored = (void_areas + crowd_areas) / pred_areas > 0.5
    ignored[matches] = False
    return matches, ious[is_match], ignored
