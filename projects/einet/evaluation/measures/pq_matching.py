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


@dataclass(frozen=True)
class SegmentMatches:
    """What became of each segment of one image.

    Args:
        gt: G segments, as the annotation lists them.
        gt_areas: (G,) int64 pixels.
        pred_ids: (P,) int64 panoptic ids, ascending; void may be among them.
        pred_labels: (P,) int64, NONE where void.
        pred_areas: (P,) int64 pixels.
        pairs: (N, 2) int64, rows of ``gt`` and of ``pred_ids`` that overlap.
        ious: (N,) float64, IoU of each pair, whatever its classes; void does not count.
        is_match: (N,) bool, pairs that match; a segment is in one at most.
        is_ignored: (P,) bool, predictions that are no false positives because void or crowd covers
            most of them.
    """

    gt: GroundTruthSegments
    gt_areas: NDArray[np.int64]
    pred_ids: NDArray[np.int64]
    pred_labels: NDArray[np.int64]
    pred_areas: NDArray[np.int64]
    pairs: NDArray[np.int64]
    ious: NDArray[np.float64]
    is_match: NDArray[np.bool_]
    is_ignored: NDArray[np.bool_]

    @property
    def missed(self) -> NDArray[np.bool_]:
        """(G,) which segments are false negatives."""
        missed = ~self.gt.is_crowd
        missed[self.pairs[self.is_match, 0]] = False
        return missed

    @property
    def invented(self) -> NDArray[np.bool_]:
        """(P,) which predictions are false positives."""
        invented = (self.pred_labels != NONE) & ~self.is_ignored
        invented[self.pairs[self.is_match, 1]] = False
        return invented

    def statistics(self, num_classes: int) -> PQStatistics:
        """What the image adds to PQ.

        Args:
            num_classes: C.
        """

        def count(labels: NDArray[np.int64]) -> NDArray[np.int64]:
            return np.bincount(labels, minlength=num_classes)

        labels = self.pred_labels[self.pairs[self.is_match, 1]]
        iou: NDArray[np.float64] = np.bincount(
            labels, self.ious[self.is_match], num_classes
        ).astype(np.float64)
        tp = count(labels)
        fp, fn = count(self.pred_labels[self.invented]), count(self.gt.labels[self.missed])
        present = np.flatnonzero(tp + fp + fn)
        return PQStatistics(present, iou[present], tp[present], fp[present], fn[present])


def pq_statistics(
    gt_map: NDArray[np.integer],
    gt_segments: GroundTruthSegments,
    pred_map: NDArray[np.integer],
    num_classes: int,
) -> PQStatistics:
    """Match the segments of one image and count, see :func:`match_segments`.

    Returns:
        The statistics of the classes that were matched, missed or wrongly predicted.
    """
    return match_segments(gt_map, gt_segments, pred_map, num_classes).statistics(num_classes)


def match_segments(
    gt_map: NDArray[np.integer],
    gt_segments: GroundTruthSegments,
    pred_map: NDArray[np.integer],
    num_classes: int,
) -> SegmentMatches:
    """Match the segments of one image; areas come from the maps alone.

    Args:
        gt_map: (H, W) integer ids, each listed in ``gt_segments`` or 0 = void.
        gt_segments: G segments. One without a pixel counts as missed.
        pred_map: (H, W) panoptic ids in [0, 2^31), void = C.
        num_classes: C.

    Returns:
        The segments, their overlaps, and which of these are matches.

    Raises:
        ValueError: The maps differ in size, ``gt_map`` has an id that is not listed, or
            ``pred_map`` a label outside [0, C].
    """
    overlaps = count_overlaps(gt_map, pred_map)
    gt_rows, areas = gt_segments.rows_of(overlaps.gt_ids), overlaps.areas
    pred_ids, pred_rows = np.unique(overlaps.pred_ids, return_inverse=True)
    pred_labels = decode_labels(pred_ids, num_classes)
    in_void = gt_rows == NONE
    num_gt, num_pred = len(gt_segments.ids), len(pred_ids)
    pred_areas = np.bincount(pred_rows, areas, minlength=num_pred)
    void_areas = np.bincount(pred_rows[in_void], areas[in_void], minlength=num_pred)

    gt_rows, pred_rows, areas = gt_rows[~in_void], pred_rows[~in_void], areas[~in_void]
    gt_areas = np.bincount(gt_rows, areas, minlength=num_gt)
    same_class = gt_segments.labels[gt_rows] == pred_labels[pred_rows]
    in_crowd = same_class & _is_the_crowd(gt_segments, num_classes)[gt_rows]
    crowd_areas = np.bincount(pred_rows[in_crowd], areas[in_crowd], minlength=num_pred)

    ious = areas / (pred_areas[pred_rows] + gt_areas[gt_rows] - areas - void_areas[pred_rows])
    is_match = same_class & (ious > 0.5) & ~gt_segments.is_crowd[gt_rows]
    is_ignored = (void_areas + crowd_areas) / pred_areas > 0.5
    is_ignored[pred_rows[is_match]] = False
    return SegmentMatches(
        gt=gt_segments,
        gt_areas=gt_areas.astype(np.int64),
        pred_ids=pred_ids,
        pred_labels=pred_labels,
        pred_areas=pred_areas.astype(np.int64),
        pairs=np.stack([gt_rows, pred_rows], axis=1),
        ious=ious,
        is_match=is_match,
        is_ignored=is_ignored,
    )


def _is_the_crowd(gt: GroundTruthSegments, num_classes: int) -> NDArray[np.bool_]:
    """(G,) which segments are the crowd of their class.

    panopticapi remembers one crowd segment of a class, the last one listed; so does numpy when an
    index repeats in an assignment.
    """
    crowd_of_class = np.full(num_classes, NONE)
    crowd_rows = np.flatnonzero(gt.is_crowd)
    crowd_of_class[gt.labels[crowd_rows]] = crowd_rows
    return crowd_of_class[gt.labels] == np.arange(len(gt.ids))
