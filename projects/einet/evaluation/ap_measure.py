"""COCO's AP of instances as a measure."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..structures.files import write_file
from .classes import ClassTable
from .coco_ap import ImageMasks, average_precision, coco_results
from .image import EvaluatedImage
from .instance_masks import Masks, encode_segments, mask_areas
from .measure import Measure, cells, percent, print_table


class APMeasure(Measure):
    """``AP``, ``AP50``, ``AP75``, ``AP_s``, ``AP_m`` and ``AP_l`` of masks, by pycocotools.

    Ground truth are the thing segments of the panoptic PNG: exact masks that do not overlap. COCO's
    own instance annotations are polygons that may overlap, so values differ a little from those.
    Crowd is ``iscrowd=1``. Void has no rule in COCO's AP: instances there are false ones.

    Written is ``<prefix>.segm.json``, COCO's results format, as mmdet's ``CocoMetric`` names it.

    Args:
        classwise: also return and print the AP of each thing class.
        max_dets: instances per class and image that count (COCO: 100).
    """

    suffix = 'segm.json'

    def __init__(self, classwise: bool = False, max_dets: int = 100) -> None:
        super().__init__(classwise)
        self.max_dets = max_dets

    def measure(self, image: EvaluatedImage) -> ImageMasks:
        """Encode the masks of one image."""
        segments, gt_map = image.segments, image.gt_map
        if gt_map.shape != image.pred_map.shape:
            raise ValueError(
                f'the prediction is {image.pred_map.shape} (height, width) '
                f'and the ground truth {gt_map.shape}'
            )
        is_thing = np.isin(segments.labels, list(image.classes.thing_labels))
        gt = Masks(
            segments.labels[is_thing],
            encode_segments(gt_map, segments.ids[is_thing]),
            np.zeros(is_thing.sum()),
            segments.is_crowd[is_thing],
        )
        return ImageMasks(image.image_id, gt_map.shape, gt, predicted_masks(image))

    def summarize(self, results: Sequence[ImageMasks], classes: ClassTable) -> dict[str, float]:
        """Match all instances: ``AP``, ``AP50`` ...; also ``AP/<class>``."""
        labels = sorted(classes.thing_labels)
        *averages, per_class = average_precision(results, labels, self.max_dets)
        names = ('AP', 'AP50', 'AP75', 'AP_s', 'AP_m', 'AP_l')
        metrics = {name: percent(value) for name, value in zip(names, averages, strict=True)}
        print_table('Instance segmentation', [names, cells(list(metrics.values()))])
        if self.classwise:
            values = {classes.names[c]: percent(v) for c, v in zip(labels, per_class, strict=True)}
            rows = [[name, *cells([value])] for name, value in values.items()]
            print_table('Instance segmentation by class', [['class', 'AP'], *rows])
            metrics |= {f'AP/{name}': value for name, value in values.items()}
        return metrics

    def write(self, image: EvaluatedImage, prefix: str) -> list[dict[str, Any]]:
        """Put the instances into COCO's results format; the file is written at the end."""
        masks = predicted_masks(image)
        return coco_results(image.image_id, masks, image.classes.category_ids)

    def finish_writing(
        self, written: Sequence[list[dict[str, Any]]], prefix: str, classes: ClassTable
    ) -> None:
        """Write the JSON of all instances."""
        results = [result for results in written for result in results]
        write_file(Path(f'{prefix}.{self.suffix}'), json.dumps(results).encode())
        super().finish_writing(written, prefix, classes)


def predicted_masks(image: EvaluatedImage) -> Masks:
    """The predicted instances that have a pixel, with their masks."""
    labels, scores, ids = image.instances
    masks = encode_segments(image.pred_map, ids)
    kept = np.flatnonzero(mask_areas(masks))
    return Masks(
        labels[kept], [masks[k] for k in kept], scores[kept], np.zeros(len(kept), dtype=bool)
    )
