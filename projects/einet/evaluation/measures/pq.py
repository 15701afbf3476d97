"""PQ, SQ and RQ: the measure, and the way from counts to classes and groups of classes.

Source: Kirillov et al., "Panoptic Segmentation", CVPR 2019; a group's value is the mean over those
of its classes that appear in the ground truth or in the predictions, as in panopticapi.

Shape shorthand:
    C: classes
    J: classes that statistics are of
"""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..classes import PanopticClasses
from ..coco_results import WrittenImage, write_image, write_json
from ..sample import EvaluatedSample
from .base import Measure, cells, percent, print_table
from .pq_matching import PQStatistics, pq_statistics


class PQMeasure(Measure):
    """PQ, SQ and RQ of all, thing (``_th``) and stuff (``_st``) classes; the rules of panopticapi.

    Pixels of void ground truth do not count, crowd segments are neither missed nor matched, and a
    predicted segment that lies mostly in void and in crowd of its own class is no false positive.
    Areas come from the maps, never from the JSON.

    A group is averaged over its classes that appear in the ground truth or in the predictions. When
    none does, its values are NaN: not measured (panopticapi divides by zero).

    Written are ``<prefix>.panoptic.json`` and the PNGs in ``<prefix>.panoptic/``.
    """

    suffix = 'panoptic'
    keys = tuple(f'{name}{group}' for group in ('', '_th', '_st') for name in ('PQ', 'SQ', 'RQ'))

    def measure(self, sample: EvaluatedSample) -> PQStatistics:
        """Match the segments of one image."""
        return pq_statistics(
            sample.gt_map, sample.gt_segments, sample.pred_map, len(sample.classes)
        )

    def summarize(
        self, results: Sequence[PQStatistics], classes: PanopticClasses
    ) -> dict[str, float]:
        """Add up the images: ``PQ``, ``SQ``, ``RQ``, ``PQ_th`` ...; also ``PQ/<class>``."""
        total = sum_statistics(results, len(classes))
        quality = PanopticQuality(*(percent(values) for values in class_quality(total)))
        groups = {
            '': ('all', range(len(classes))),
            '_th': ('things', sorted(classes.thing_labels)),
            '_st': ('stuff', sorted(classes.stuff_labels)),
        }
        metrics, rows = {}, []
        for suffix, (name, labels) in groups.items():
            mean, num = mean_quality(quality, labels)
            metrics |= {f'PQ{suffix}': mean.pq, f'SQ{suffix}': mean.sq, f'RQ{suffix}': mean.rq}
            rows.append([name, *cells(mean), num])
        print_table('Panoptic quality', [['', 'PQ', 'SQ', 'RQ', 'classes'], *rows])
        if self.classwise:
            metrics |= {
                f'PQ/{name}': float(pq) for name, pq in zip(classes.names, quality.pq, strict=True)
            }
            _print_classes(quality, total, classes)
        return metrics

    def write(self, sample: EvaluatedSample, prefix: str) -> WrittenImage:
        """Write the id-coded PNG."""
        return write_image(
            Path(f'{prefix}.{self.suffix}'),
            str(sample.file_name),
            sample.image_id,
            sample.pred_map,
            sample.category_ids,
        )

    def finish_writing(
        self, written: Sequence[WrittenImage], prefix: str, classes: PanopticClasses
    ) -> None:
        """Write the JSON of all PNGs."""
        path = Path(f'{prefix}.{self.suffix}.json')
        write_json(path, written, classes.names, classes.thing_labels)
        super().finish_writing(written, prefix, classes)


class PanopticQuality(NamedTuple):
    """Three (C,) arrays or three floats; NaN where no segment of a class exists."""

    pq: NDArray[np.float64] | float
    sq: NDArray[np.float64] | float
    rq: NDArray[np.float64] | float


def sum_statistics(statistics: Iterable[PQStatistics], num_classes: int) -> PQStatistics:
    """Add up images; the sum does not depend on their order, to the last bit.

    Args:
        statistics: One per image.
        num_classes: C.

    Returns:
        Statistics of all C classes.
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
    r"""PQ, SQ and RQ of every class.

    .. math::
        SQ = \frac{\sum IoU}{TP}, \quad RQ = \frac{TP}{TP + FP / 2 + FN / 2}, \quad PQ = SQ \cdot RQ

    Args:
        statistics: J classes.

    Returns:
        (J,) arrays in [0, 1]. NaN where a class has no segment at all; SQ is 0, as in panopticapi,
        where it has some but none matched.
    """
    weights = statistics.tp + 0.5 * statistics.fp + 0.5 * statistics.fn
    with np.errstate(invalid='ignore'):
        pq = statistics.iou / weights
        rq = statistics.tp / weights
    sq = statistics.iou / np.maximum(statistics.tp, 1)
    return PanopticQuality(pq, np.where(weights > 0, sq, np.nan), rq)


def mean_quality(quality: PanopticQuality, labels: Sequence[int]) -> tuple[PanopticQuality, int]:
    """Average over the classes that appear.

    Args:
        quality: (C,) arrays.
        labels: Classes to average over.

    Returns:
        Three floats, NaN when none of ``labels`` appears (panopticapi divides by zero there), and
        the number of classes that do appear.
    """
    values = np.stack(quality)[:, list(labels)]
    values = values[:, ~np.isnan(values[0])]
    num = values.shape[1]
    if not num:
        return PanopticQuality(math.nan, math.nan, math.nan), 0
    return PanopticQuality(*(float(row.sum() / num) for row in values)), num


def _print_classes(quality: PanopticQuality, total: PQStatistics, classes: PanopticClasses) -> None:
    rows = [
        [name, *cells(values), *counts]
        for name, values, counts in zip(
            classes.names,
            np.stack(quality, axis=1).tolist(),
            np.stack([total.tp, total.fp, total.fn], axis=1).tolist(),
            strict=True,
        )
    ]
    header = ['class', 'PQ', 'SQ', 'RQ', 'matched', 'false', 'missed']
    print_table('Panoptic quality by class', [header, *rows])
