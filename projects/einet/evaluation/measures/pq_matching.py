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
from ...structures.segments import NONE, VOID_ID, GroundTruthSegments
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
        matched = self.pred_labels[self.pairs[self.is_match, 1]]
        iou = np.bincount(matched, self.ious[self.is_match], num_classes)
        tp, fp, fn = (
            np.bincount(labels, minlength=num_classes)
            for labels in (matched, self.pred_labels[self.invented], self.gt.labels[self.missed])
        )
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
    pred_ids = np.unique(overlaps.pred_ids)
    pred_rows = np.searchsorted(pred_ids, overlaps.pred_ids)
    pred_labels = decode_labels(pred_ids, num_classes)
    num_gt, num_pred = len(gt_segments.ids), len(pred_ids)
    # Pairs are sorted by the ground truth's id: those in void come first.
    num_void = np.searchsorted(overlaps.gt_ids, VOID_ID, side='right')
    pred_areas = np.bincount(pred_rows, areas, num_pred)
    void_areas = np.bincount(pred_rows[:num_void], areas[:num_void], num_pred)

    gt_rows, pred_rows, areas = gt_rows[num_void:], pred_rows[num_void:], areas[num_void:]
    gt_areas = np.bincount(gt_rows, areas, num_gt)
    labels = pred_labels[pred_rows]
    in_crowd = _crowd_rows(gt_segments, num_classes)[labels] == gt_rows
    crowd_areas = np.bincount(pred_rows, areas * in_crowd, num_pred)

    ious = areas / ((pred_areas - void_areas)[pred_rows] + gt_areas[gt_rows] - areas)
    is_countable = (gt_segments.labels[gt_rows] == labels) & ~gt_segments.is_crowd[gt_rows]
    is_match = is_countable & (ious > 0.5)
    is_ignored = void_areas + crowd_areas > 0.5 * pred_areas
    is_ignored[pred_rows[is_match]] = False
    return SegmentMatches(
        gt=gt_segments,
        gt_areas=gt_areas.astype(np.int64),
        pred_ids=pred_ids,
        pred_labels=pred_labels,
        pred_areas=pred_areas.astype(np.int64),
        pairs=np.array([gt_rows, pred_rows]).T,
        ious=ious,
        is_match=is_match,
        is_ignored=is_ignored,
    )


def _crowd_rows(gt: GroundTruthSegments, num_classes: int) -> NDArray[np.int64]:
    """(C + 1,) row of each class's crowd, NONE without; the last is void's and found by NONE.

    panopticapi remembers one crowd segment of a class, the last one listed; so does numpy when an
    index repeats in an assignment.
    """
    rows = np.full(num_classes + 1, NONE)
    crowds = np.flatnonzero(gt.is_crowd)
    rows[gt.labels[crowds]] = crowds
    return rows
