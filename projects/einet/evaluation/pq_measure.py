"""PQ, SQ and RQ as a measure."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..structures.limits import INSTANCE_OFFSET
from .classes import ClassTable
from .coco_results import WrittenImage, write_image, write_json
from .image import EvaluatedImage
from .measure import Measure, cells, percent, print_table
from .pq import PQStatistics, pq_statistics
from .pq_summary import PanopticQuality, class_quality, mean_quality, sum_statistics


class PQMeasure(Measure):
    """PQ, SQ and RQ for all, thing (``_th``) and stuff (``_st``) classes; the rules of panopticapi.

    Pixels of void ground truth do not count, crowd segments are neither missed nor matched, and a
    predicted segment that lies mostly in void and in crowd of its own class is no false positive.
    Areas come from the maps, never from the JSON.

    A group is averaged over its classes that appear in the ground truth or in the predictions. When
    none does, its values are NaN: not measured (panopticapi divides by zero).

    Written are ``<prefix>.panoptic.json`` and the PNGs in ``<prefix>.panoptic/``.
    """

    suffix = 'panoptic'

    def measure(self, image: EvaluatedImage) -> PQStatistics:
        """Match the segments of one image."""
        return pq_statistics(
            image.gt_map,
            image.segments,
            image.pred_map,
            len(image.classes),
            INSTANCE_OFFSET,
        )

    def summarize(self, results: Sequence[PQStatistics], classes: ClassTable) -> dict[str, float]:
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

    def write(self, image: EvaluatedImage, prefix: str) -> WrittenImage:
        """Write the id-coded PNG."""
        return write_image(
            Path(f'{prefix}.{self.suffix}'),
            image.path.name,
            image.image_id,
            image.pred_map,
            len(image.classes),
            INSTANCE_OFFSET,
        )

    def finish_writing(
        self, written: Sequence[WrittenImage], prefix: str, classes: ClassTable
    ) -> None:
        """Write the JSON of all PNGs."""
        path = Path(f'{prefix}.{self.suffix}.json')
        write_json(path, written, classes.names, classes.thing_labels, classes.category_ids)
        super().finish_writing(written, prefix, classes)


def _print_classes(quality: PanopticQuality, total: PQStatistics, classes: ClassTable) -> None:
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
