"""Why segments did not match: missed, invented, of the wrong class, or too loose.

Shape shorthand:
    G: ground-truth segments
    P: predicted segments
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from ..evaluation.measures.pq_matching import SegmentMatches
from ..structures.segments import NONE

#: Least IoU of an unmatched pair of one class: below it, they are not about the same object.
LOOSE_IOU = 0.1


class Fate(StrEnum):
    """What became of a segment."""

    FOUND = 'found'
    LOOSE = 'too loose'
    WRONG = 'wrong class'
    MISSED = 'missed'
    INVENTED = 'invented'
    UNCOUNTED = 'not counted'


#: The ways to lose PQ.
ERRORS = (Fate.MISSED, Fate.INVENTED, Fate.WRONG, Fate.LOOSE)


@dataclass(frozen=True)
class Explanation:
    """The fate of each segment of one image, and its partner's row where it has one.

    Args:
        gt_fates: G fates.
        gt_partners: (G,) int64 rows of the predictions, NONE without.
        gt_ious: (G,) float64 IoU with the partner, 0 without.
        pred_fates: P fates.
        pred_partners: (P,) int64 rows of the ground truth, NONE without.
        pred_ious: (P,) float64 IoU with the partner, 0 without.
    """

    gt_fates: list[Fate]
    gt_partners: NDArray[np.int64]
    gt_ious: NDArray[np.float64]
    pred_fates: list[Fate]
    pred_partners: NDArray[np.int64]
    pred_ious: NDArray[np.float64]


def explain(matches: SegmentMatches) -> Explanation:
    """Pair segments that did not match with one another.

    A missed and an invented segment are partners when they are of other classes and their IoU is
    above 0.5 (wrong class), or of one class and it is at least :data:`LOOSE_IOU` (too loose); the
    largest IoU first, each segment once. The rest stays missed or invented. So the counts of PQ do
    not change: every false negative and every false positive has one of the four reasons.

    Args:
        matches: Segments of one image.
    """
    missed, invented = matches.missed, matches.invented
    gt_fates = [Fate.UNCOUNTED if crowd else Fate.FOUND for crowd in matches.gt.is_crowd]
    pred_fates = [
        Fate.UNCOUNTED if label == NONE or ignored else Fate.FOUND
        for label, ignored in zip(matches.pred_labels, matches.is_ignored, strict=True)
    ]
    for fates, failed, fate in (
        (gt_fates, missed, Fate.MISSED),
        (pred_fates, invented, Fate.INVENTED),
    ):
        for row in np.flatnonzero(failed):
            fates[row] = fate
    result = Explanation(
        gt_fates,
        np.full(len(gt_fates), NONE),
        np.zeros(len(gt_fates)),
        pred_fates,
        np.full(len(pred_fates), NONE),
        np.zeros(len(pred_fates)),
    )
    for index in _partners(matches, missed, invented):
        gt, pred = matches.pairs[index]
        result.gt_partners[gt], result.pred_partners[pred] = pred, gt
        result.gt_ious[gt] = result.pred_ious[pred] = matches.ious[index]
        if not matches.is_match[index]:
            same = matches.gt.labels[gt] == matches.pred_labels[pred]
            gt_fates[gt] = pred_fates[pred] = Fate.LOOSE if same else Fate.WRONG
    return result


def _partners(
    matches: SegmentMatches, missed: NDArray[np.bool_], invented: NDArray[np.bool_]
) -> list[int]:
    """Indices of pairs: the matches, and pairs of unmatched segments, each in one at most."""
    gt_rows, pred_rows = matches.pairs.T
    same = matches.gt.labels[gt_rows] == matches.pred_labels[pred_rows]
    close = np.where(same, matches.ious >= LOOSE_IOU, matches.ious > 0.5)
    candidates = np.flatnonzero(missed[gt_rows] & invented[pred_rows] & close)
    chosen = np.flatnonzero(matches.is_match).tolist()
    free_gt, free_pred = missed.copy(), invented.copy()
    for index in candidates[np.argsort(-matches.ious[candidates], kind='stable')].tolist():
        gt, pred = matches.pairs[index]
        if free_gt[gt] and free_pred[pred]:
            chosen.append(index)
            free_gt[gt] = free_pred[pred] = False
    return chosen
