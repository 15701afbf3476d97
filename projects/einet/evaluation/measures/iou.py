"""mIoU: the measure, and the counts of pixels that it is made of.

Shape shorthand:
    H, W: image
    C: classes
    J: classes that one image concerns
"""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...structures.files import write_png
from ...structures.segments import NONE, GroundTruthSegments
from ..classes import PanopticClasses
from ..sample import EvaluatedSample
from .base import Measure, cells, percent, print_table
from .overlaps import count_overlaps

MAX_PNG_VALUE = np.iinfo(np.uint16).max


class IoUStatistics(NamedTuple):
    """Pixels of the J classes that one image (or a whole set) concerns.

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
        pixel_accuracy: Share of all annotated pixels that were found.
    """

    iou: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    pixel_accuracy: float


class IoUMeasure(Measure):
    """``mIoU``, ``mAcc`` and ``aAcc`` of ``pred_sem_seg``, as mmseg and mmdet define them.

    The ground truth is the panoptic one: every segment's pixels are of its class, void does not
    count. Counted in whole pixels over the whole set; the mean is over the classes that appear in
    the ground truth or in the predictions.

    Written are PNGs of category ids in ``<prefix>.semantic/``.

    Args:
        classwise: Also return and print the values of each class.
        ignore_crowd: Crowd does not count either, as in training; False counts its pixels as of its
            class, as Cityscapes' benchmark does.
    """

    suffix = 'semantic'
    keys = ('mIoU', 'mAcc', 'aAcc')

    def __init__(self, classwise: bool = False, ignore_crowd: bool = True) -> None:
        super().__init__(classwise)
        self.ignore_crowd = ignore_crowd

    def measure(self, sample: EvaluatedSample) -> IoUStatistics:
        """Count the pixels of one image."""
        return iou_statistics(
            sample.gt_map,
            sample.gt_segments,
            sample.pred_labels,
            len(sample.classes),
            self.ignore_crowd,
        )

    def summarize(
        self, results: Sequence[IoUStatistics], classes: PanopticClasses
    ) -> dict[str, float]:
        """Add up the images: ``mIoU``, ``mAcc``, ``aAcc``; also ``IoU/<class>``."""
        quality = semantic_quality(sum_iou_statistics(results, len(classes)))
        iou, accuracy = percent(quality.iou), percent(quality.accuracy)
        metrics = {
            'mIoU': mean_of_present(iou),
            'mAcc': mean_of_present(accuracy),
            'aAcc': percent(quality.pixel_accuracy),
        }
        print_table('Semantic segmentation', [list(metrics), cells(list(metrics.values()))])
        if self.classwise:
            rows = [
                [name, *cells(values)]
                for name, *values in zip(classes.names, iou, accuracy, strict=True)
            ]
            print_table('Semantic segmentation by class', [['class', 'IoU', 'accuracy'], *rows])
            metrics |= {f'IoU/{n}': float(v) for n, v in zip(classes.names, iou, strict=True)}
        return metrics

    def write(self, sample: EvaluatedSample, prefix: str) -> str:
        """Write the map of category ids: 8 bits, or 16 where an id needs them."""
        table = np.array(sample.category_ids)
        check_png_ids(table)
        table = table.astype(np.uint8 if table.max() < 256 else np.uint16)
        name = str(sample.file_name.with_suffix('.png'))
        write_png(Path(f'{prefix}.{self.suffix}') / name, table[sample.pred_labels])
        return name


def check_png_ids(category_ids: Iterable[int]) -> None:
    """Refuse category ids that a map of 16 bits cannot hold.

    Args:
        category_ids: Annotation file's ids.

    Raises:
        ValueError: There are some; the message names them.
    """
    wrong = sorted(int(i) for i in category_ids if not 0 <= i <= MAX_PNG_VALUE)
    if wrong:
        raise ValueError(
            f'category ids {wrong[:5]} do not fit into the PNGs that mIoU writes (0 to '
            f'{MAX_PNG_VALUE}): renumber the categories of the annotation file, or set '
            f"metric=['PQ', 'AP']"
        )


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
        gt_segments: Annotation's segments.
        pred_labels: (H, W) integer in [0, C).
        num_classes: C.
        ignore_crowd: Pixels of crowd segments do not count either; otherwise they are of the
            segment's class.

    Returns:
        The counts of the classes that appear in either map.

    Raises:
        ValueError: The maps differ in size, ``gt_map`` has an id that is not listed, or
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
        statistics: One per image.
        num_classes: C.

    Returns:
        Statistics of all C classes.
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
        total: Statistics of all C classes.

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
