"""Cityscapes' AP of instances as a measure, and the files that it reads."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...structures.files import read_png, write_file, write_png
from ..classes import PanopticClasses
from ..sample import EvaluatedSample
from .base import Measure, cells, percent, print_table
from .cityscapes_matching import Matches, cityscapes_precision, label_ids, match_instances


class CityscapesAPMeasure(Measure):
    """``AP`` and ``AP50`` as Cityscapes' benchmark defines them.

    Ground truth are the ``*_gtFine_instanceIds.png``, because the panoptic PNGs lack what the
    benchmark ignores (caravans, trailers). Instances below 100 pixels are neither missed nor found,
    and a prediction that lies mostly in void, in groups or in those is no false one.

    Written is the test server's format: ``<prefix>.instances/<image>.txt``, with a line
    ``mask labelId score`` per instance, and the masks as PNGs beside it.

    Args:
        classwise: Also return and print the AP of each class.
        instance_prefix: Folder of the cities with the instanceIds; by default where Cityscapes has
            it: ``gtFine/<split>`` beside the image's ``leftImg8bit/<split>``.
    """

    suffix = 'instances'
    keys = ('AP', 'AP50')

    def __init__(self, classwise: bool = False, instance_prefix: str | None = None) -> None:
        super().__init__(classwise)
        self.instance_prefix = instance_prefix

    def measure(self, sample: EvaluatedSample) -> Matches:
        """Match the instances of one image."""
        thing_names(sample.classes)
        path = instance_ids_path(sample.field('img_path'), self.instance_prefix)
        gt_map = read_instance_ids(path, sample.backend_args)
        return match_instances(gt_map, sample.pred_map, sample.instances, sample.classes.names)

    def summarize(self, results: Sequence[Matches], classes: PanopticClasses) -> dict[str, float]:
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

    def write(self, sample: EvaluatedSample, prefix: str) -> str:
        """Write one image's masks and their list."""
        names = thing_names(sample.classes)
        ids = dict(zip(sorted(sample.classes.thing_labels), label_ids(names), strict=True))
        folder = Path(f'{prefix}.{self.suffix}') / sample.file_name.parent
        stem = sample.file_name.stem
        lines = []
        for number, (label, score, panoptic_id) in enumerate(
            zip(*(values.tolist() for values in sample.instances), strict=True)
        ):
            mask = sample.pred_map == panoptic_id
            if mask.any():
                write_png(folder / f'{stem}_{number}.png', mask.astype(np.uint8) * 255)
                lines.append(f'{stem}_{number}.png {ids[label]} {score}\n')
        write_file(folder / f'{stem}.txt', ''.join(lines).encode())
        return str(sample.file_name)


def thing_names(classes: PanopticClasses) -> list[str]:
    """Names of the things, by label; an error when Cityscapes does not evaluate one of them."""
    names = [classes.names[label] for label in sorted(classes.thing_labels)]
    label_ids(names)
    return names


def read_instance_ids(path: str, backend_args: dict[str, Any] | None = None) -> NDArray[np.integer]:
    """Read a ``*_gtFine_instanceIds.png``.

    Args:
        path: PNG with one channel.
        backend_args: Storage backend of :func:`mmengine.fileio.get`.

    Returns:
        (H, W) ids: label ids below 1000, from there 1000 * label id + number.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It cannot be decoded or has several channels.
    """
    try:
        image = read_png(path, backend_args)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'{path} does not exist. Cityscapes AP needs the instanceIds PNGs of gtFine beside '
            f'leftImg8bit; set instance_prefix to the folder of their cities if it is elsewhere'
        ) from error
    if image is None or image.ndim != 2:
        raise ValueError(f'{path} is not a PNG with one channel: restore it from its source')
    return image


def instance_ids_path(img_path: str, instance_prefix: str | None = None) -> str:
    """Where the instance ids of an image are.

    Args:
        img_path: ``.../leftImg8bit/<split>/<city>/<name>_leftImg8bit.png``.
        instance_prefix: Folder with the cities; None for ``.../gtFine/<split>``.

    Raises:
        ValueError: The path is not in Cityscapes' layout.
    """
    folder, _, name = str(img_path).rpartition('/')
    root, marker, rest = folder.rpartition('leftImg8bit/')
    image = name.removesuffix('_leftImg8bit.png')
    if image == name or (instance_prefix is None and not marker):
        raise ValueError(
            f"{img_path} is not in Cityscapes' layout, "
            f'leftImg8bit/<split>/<city>/<name>_leftImg8bit.png, which leads to the instanceIds PNG'
        )
    if instance_prefix is None:
        places = f'{root}gtFine/{rest}'
    else:
        places = f'{instance_prefix.rstrip("/")}/{Path(folder).name}'
    return f'{places}/{image}_gtFine_instanceIds.png'
