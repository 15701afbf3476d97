"""The numbers of a report: by class, by group, by object size; which classes are confused.

Values are percent, NaN where there was nothing to measure.

Shape shorthand:
    C: classes
    S: ranges of size
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..evaluation.classes import PanopticClasses
from ..evaluation.measures.ap import average_precision
from ..evaluation.measures.base import percent
from ..evaluation.measures.iou import mean_of_present, semantic_quality, sum_iou_statistics
from ..evaluation.measures.pq import (
    PanopticQuality,
    class_quality,
    mean_quality,
    sum_statistics,
)
from ..evaluation.measures.pq_matching import PQStatistics
from .errors import ERRORS, Fate
from .examine import ImageResult

#: Ranges of size begin at these sides, in pixels, of a square of an object's area.
SIDES = (0, 8, 16, 32, 64, 128, 256)
MAX_DETS = 100


@dataclass(frozen=True)
class ClassScores:
    """(C,) arrays by name: ``PQ``, ``SQ``, ``RQ``, ``TP``, ``FP``, ``FN``, ``AP``, ``IoU``."""

    columns: dict[str, NDArray[np.generic]]


def class_scores(images: Sequence[ImageResult], classes: PanopticClasses) -> ClassScores:
    """Scores of each class.

    Args:
        images: All images.
        classes: Data set's classes.
    """
    total = sum_statistics([image.statistics for image in images], len(classes))
    quality = class_quality(total)
    things = sorted(classes.thing_labels)
    ap = np.full(len(classes), np.nan)
    if things:
        ap[things] = average_precision(
            [image.masks for image in images], things, MAX_DETS
        ).per_class
    pixels = sum_iou_statistics([image.pixels for image in images], len(classes))
    return ClassScores(
        dict(
            PQ=percent(quality.pq),
            SQ=percent(quality.sq),
            RQ=percent(quality.rq),
            TP=total.tp,
            FP=total.fp,
            FN=total.fn,
            AP=percent(ap),
            IoU=percent(semantic_quality(pixels).iou),
        )
    )


def group_scores(scores: ClassScores, classes: PanopticClasses) -> dict[str, dict[str, float]]:
    """Means over all, thing and stuff classes, as the metric has them.

    Args:
        scores: Scores of each class.
        classes: Data set's classes.

    Returns:
        ``PQ``, ``SQ``, ``RQ``, ``AP``, ``IoU`` by group: ``all``, ``things``, ``stuff``.
    """
    columns = scores.columns
    quality = PanopticQuality(columns['PQ'], columns['SQ'], columns['RQ'])
    groups = {
        'all': list(range(len(classes))),
        'things': sorted(classes.thing_labels),
        'stuff': sorted(classes.stuff_labels),
    }
    result = {}
    for name, labels in groups.items():
        mean, _ = mean_quality(quality, labels)
        result[name] = dict(zip(('PQ', 'SQ', 'RQ'), mean, strict=True)) | {
            column: mean_of_present(columns[column][labels]) for column in ('AP', 'IoU')
        }
    return result


def image_pq(statistics: PQStatistics) -> float:
    """PQ of one image: the mean over its classes."""
    quality = class_quality(statistics)
    return percent(mean_quality(quality, range(len(statistics.labels)))[0].pq)


def size_scores(images: Sequence[ImageResult], classes: PanopticClasses) -> list[dict[str, object]]:
    """PQ of things by size, all classes together.

    A found or missed object has the size that the ground truth says, an invented one its own.

    Args:
        images: All images.
        classes: Data set's classes.

    Returns:
        One row per range with objects in it or between such ranges: ``range`` in words, ``PQ``,
        ``SQ``, ``RQ``, ``TP``, ``FP``, ``FN``.
    """
    bounds, things = np.square(SIDES[1:]), sorted(classes.thing_labels)
    counts = np.zeros((4, len(SIDES)))
    for image in images:
        matches = image.matches
        gt_bins = np.searchsorted(bounds, matches.gt_areas, side='right')
        pred_bins = np.searchsorted(bounds, matches.pred_areas, side='right')
        found = matches.pairs[matches.is_match, 0]
        is_thing = np.isin(matches.gt.labels[found], things)
        hit, ious = found[is_thing], matches.ious[matches.is_match][is_thing]
        missed = matches.missed & np.isin(matches.gt.labels, things)
        invented = matches.invented & np.isin(matches.pred_labels, things)
        for row, (bins, weights) in enumerate(
            (
                (gt_bins[hit], ious),
                (gt_bins[hit], None),
                (pred_bins[invented], None),
                (gt_bins[missed], None),
            )
        ):
            counts[row] += np.bincount(bins, weights, minlength=len(SIDES))
    iou, tp, fp, fn = counts[0], *counts[1:].astype(np.int64)
    quality = class_quality(PQStatistics(np.arange(len(SIDES)), iou, tp, fp, fn))
    used = np.flatnonzero(tp + fp + fn)
    names = [f'{low} to {high}' for low, high in pairwise(SIDES)] + [f'{SIDES[-1]} and more']
    names[0] = f'below {SIDES[1]}'
    return [
        dict(
            range=names[k],
            PQ=percent(quality.pq[k]),
            SQ=percent(quality.sq[k]),
            RQ=percent(quality.rq[k]),
            TP=int(tp[k]),
            FP=int(fp[k]),
            FN=int(fn[k]),
        )
        for k in (range(used[0], used[-1] + 1) if len(used) else ())
    ]


def confusion_matrix(images: Sequence[ImageResult], num_classes: int) -> NDArray[np.int64]:
    """What stands where unmatched segments are.

    Args:
        images: All images.
        num_classes: C.

    Returns:
        (C + 1, C + 1): rows are classes of the ground truth, columns those predicted; the last ones
        are nothing at all. A row's sum is the class's FN, a column's its FP; the diagonal is what
        is too loose.
    """
    matrix = np.zeros((num_classes + 1, num_classes + 1), np.int64)
    for image in images:
        matches, explanation = image.matches, image.explanation
        for row, fate in enumerate(explanation.gt_fates):
            if fate in ERRORS:
                partner = explanation.gt_partners[row]
                column = num_classes if fate == Fate.MISSED else matches.pred_labels[partner]
                matrix[matches.gt.labels[row], column] += 1
        for row, fate in enumerate(explanation.pred_fates):
            if fate == Fate.INVENTED:
                matrix[num_classes, matches.pred_labels[row]] += 1
    return matrix
