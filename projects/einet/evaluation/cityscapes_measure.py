"""Cityscapes' AP of instances as a measure."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..structures.files import write_file, write_png
from .cityscapes_ap import (
    Matches,
    cityscapes_precision,
    instance_ids_path,
    label_ids,
    match_instances,
    read_instance_ids,
)
from .classes import ClassTable
from .image import EvaluatedImage
from .measure import Measure, cells, percent, print_table


class CityscapesAPMeasure(Measure):
    """``AP`` and ``AP50`` as Cityscapes' benchmark defines them.

    Ground truth are the ``*_gtFine_instanceIds.png``, because the panoptic PNGs lack what the
    benchmark ignores (caravans, trailers). Instances below 100 pixels are neither missed nor found,
    and a prediction that lies mostly in void, in groups or in those is no false one.

    Written is the test server's format: ``<prefix>.instances/<image>.txt``, with a line
    ``mask labelId score`` per instance, and the masks as PNGs beside it.

    Args:
        classwise: also return and print the AP of each class.
        instance_prefix: folder of the cities with the instanceIds; by default where Cityscapes has
            it: ``gtFine/<split>`` beside the image's ``leftImg8bit/<split>``.
    """

    suffix = 'instances'

    def __init__(self, classwise: bool = False, instance_prefix: str | None = None) -> None:
        super().__init__(classwise)
        self.instance_prefix = instance_prefix

    def measure(self, image: EvaluatedImage) -> Matches:
        """Match the instances of one image."""
        thing_names(image.classes)
        path = instance_ids_path(image.field('img_path'), self.instance_prefix)
        gt_map = read_instance_ids(path, image.backend_args)
        names = image.classes.names
        return match_instances(gt_map, image.pred_map, image.instances, names)

    def summarize(self, results: Sequence[Matches], classes: ClassTable) -> dict[str, float]:
        """Average over all images: ``AP``, ``AP50``; also ``AP/<class>``."""
        precision = cityscapes_precision(results)
        metrics = {'AP': percent(precision.ap), 'AP50': percent(precision.ap50)}
        print_table("Cityscapes' instances", [list(metrics), cells(list(metrics.values()))])
        if self.classwise:
            values = {n: percent(precision.per_class[n]) for n in thing_names(classes)}
            rows = [[name, *cells([value])] for name, value in values.items()]
            print_table("Cityscapes' instances by class", [['class', 'AP'], *rows])
            metrics |= {f'AP/{name}': value for name, value in values.items()}
        return metrics

    def write(self, image: EvaluatedImage, prefix: str) -> str:
        """Write one image's masks and their list."""
        names = thing_names(image.classes)
        ids = dict(zip(sorted(image.classes.thing_labels), label_ids(names), strict=True))
        folder, stem = Path(f'{prefix}.{self.suffix}'), image.path.stem
        lines = []
        for number, (label, score, panoptic_id) in enumerate(
            zip(*(values.tolist() for values in image.instances), strict=True)
        ):
            mask = image.pred_map == panoptic_id
            if mask.any():
                write_png(folder / f'{stem}_{number}.png', mask.astype(np.uint8) * 255)
                lines.append(f'{stem}_{number}.png {ids[label]} {score}\n')
        write_file(folder / f'{stem}.txt', ''.join(lines).encode())
        return stem


def thing_names(classes: ClassTable) -> list[str]:
    """Names of the things, by label; an error when Cityscapes does not evaluate one of them."""
    names = [classes.names[label] for label in sorted(classes.thing_labels)]
    label_ids(names)
    return names
