"""mIoU as a measure."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..structures.files import write_png
from .classes import ClassTable
from .image import EvaluatedImage
from .measure import Measure, cells, percent, print_table
from .semantic_iou import (
    IoUStatistics,
    iou_statistics,
    mean_of_present,
    semantic_quality,
    sum_iou_statistics,
)


class IoUMeasure(Measure):
    """``mIoU``, ``mAcc`` and ``aAcc`` of ``pred_sem_seg``, as mmseg and mmdet define them.

    The ground truth is the panoptic one: every segment's pixels are of its class, void does not
    count. Counted in whole pixels over the whole set; the mean is over the classes that appear in
    the ground truth or in the predictions.

    Written are PNGs of category ids in ``<prefix>.semantic/``.

    Args:
        classwise: also return and print the values of each class.
        ignore_crowd: crowd does not count either, as in training; False counts its pixels as of its
            class, as Cityscapes' benchmark does.
    """

    suffix = 'semantic'

    def __init__(self, classwise: bool = False, ignore_crowd: bool = True) -> None:
        super().__init__(classwise)
        self.ignore_crowd = ignore_crowd

    def measure(self, image: EvaluatedImage) -> IoUStatistics:
        """Count the pixels of one image."""
        return iou_statistics(
            image.gt_map,
            image.segments,
            image.pred_labels,
            len(image.classes),
            self.ignore_crowd,
        )

    def summarize(self, results: Sequence[IoUStatistics], classes: ClassTable) -> dict[str, float]:
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

    def write(self, image: EvaluatedImage, prefix: str) -> str:
        """Write the map of category ids: 8 bits, or 16 where an id needs them."""
        table = np.array(image.classes.category_ids)
        table = table.astype(np.uint8 if table.max() < 256 else np.uint16)
        name = f'{image.path.stem}.png'
        write_png(Path(f'{prefix}.{self.suffix}') / name, table[image.pred_labels])
        return name
