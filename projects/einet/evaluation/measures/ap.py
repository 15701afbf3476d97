"""COCO's AP of instances: the measure, and COCO's evaluation on run lengths in memory.

Shape shorthand:
    K: instances of one image
    C_th: thing classes
    T: IoU thresholds, 10 from 0.50 to 0.95
"""

import contextlib
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...structures.files import write_file
from ..classes import PanopticClasses
from ..instance_masks import Masks, encode_segments, mask_areas
from ..sample import EvaluatedSample
from .base import Measure, cells, percent, print_table
from .coco_engine import PYCOCOTOOLS, CocoEngine, coco_engine
from .overlaps import check_same_size


@dataclass(frozen=True)
class ImageMasks:
    """What AP needs of one image.

    Args:
        image_id: Id in the data set.
        size: (height, width).
        gt: Ground truth's things.
        pred: Predicted things, with scores.
    """

    image_id: int | str
    size: tuple[int, int]
    gt: Masks
    pred: Masks


class AveragePrecision(NamedTuple):
    """AP in [0, 1]; NaN where the ground truth has no instance of the kind that is not crowd.

    Attributes:
        ap: Mean over T thresholds and C_th classes.
        ap50: AP at IoU 0.50.
        ap75: AP at IoU 0.75.
        ap_s: AP of instances below 32^2 pixels.
        ap_m: AP of instances from 32^2 to 96^2 pixels.
        ap_l: AP of larger instances.
        per_class: (C_th,) means over T thresholds, in the order of the labels given.
    """

    ap: float
    ap50: float
    ap75: float
    ap_s: float
    ap_m: float
    ap_l: float
    per_class: NDArray[np.float64]


class APMeasure(Measure):
    """``AP``, ``AP50``, ``AP75``, ``AP_s``, ``AP_m`` and ``AP_l`` of masks, by pycocotools.

    Ground truth are the thing segments of the panoptic PNG: exact masks that do not overlap. COCO's
    own instance annotations are polygons that may overlap, so values differ a little from those.
    Crowd is ``iscrowd=1``. Void has no rule in COCO's AP: instances there are false ones.

    Written is ``<prefix>.segm.json``, COCO's results format, as mmdet's ``CocoMetric`` names it.

    Args:
        classwise: Also return and print the AP of each thing class.
        max_dets: Instances per class and image that count (COCO: 100).
        engine: Package that matches and averages, see :func:`.coco_engine.coco_engine`.
    """

    suffix = 'segm.json'
    keys = ('AP', 'AP50', 'AP75', 'AP_s', 'AP_m', 'AP_l')

    def __init__(
        self, classwise: bool = False, max_dets: int = 100, engine: str = 'pycocotools'
    ) -> None:
        super().__init__(classwise)
        self.max_dets = max_dets
        self.engine = coco_engine(engine)

    def measure(self, sample: EvaluatedSample) -> ImageMasks:
        """Encode the masks of one image."""
        segments, gt_map = sample.gt_segments, sample.gt_map
        check_same_size(gt_map, sample.pred_map)
        is_thing = np.isin(segments.labels, list(sample.classes.thing_labels))
        gt = Masks(
            segments.labels[is_thing],
            encode_segments(gt_map, segments.ids[is_thing]),
            np.zeros(is_thing.sum()),
            segments.is_crowd[is_thing],
        )
        return ImageMasks(sample.image_id, gt_map.shape, gt, predicted_masks(sample))

    def summarize(
        self, results: Sequence[ImageMasks], classes: PanopticClasses
    ) -> dict[str, float]:
        """Match all instances: ``AP``, ``AP50`` ...; also ``AP/<class>``."""
        labels = sorted(classes.thing_labels)
        *averages, per_class = average_precision(results, labels, self.max_dets, self.engine)
        metrics = {name: percent(value) for name, value in zip(self.keys, averages, strict=True)}
        print_table('Instance segmentation', [self.keys, cells(list(metrics.values()))])
        if self.classwise:
            values = {classes.names[c]: percent(v) for c, v in zip(labels, per_class, strict=True)}
            rows = [[name, *cells([value])] for name, value in values.items()]
            print_table('Instance segmentation by class', [['class', 'AP'], *rows])
            metrics |= {f'AP/{name}': value for name, value in values.items()}
        return metrics

    def write(self, sample: EvaluatedSample, prefix: str) -> list[dict[str, Any]]:
        """Put the instances into COCO's results format; the file is written at the end."""
        masks = predicted_masks(sample)
        return instance_results(sample.image_id, masks, sample.category_ids)

    def finish_writing(
        self, written: Sequence[list[dict[str, Any]]], prefix: str, classes: PanopticClasses
    ) -> None:
        """Write the JSON of all instances."""
        results = [result for results in written for result in results]
        write_file(Path(f'{prefix}.{self.suffix}'), json.dumps(results).encode())
        super().finish_writing(written, prefix, classes)


def predicted_masks(sample: EvaluatedSample) -> Masks:
    """The predicted instances that have a pixel, with their masks."""
    labels, scores, ids = sample.instances
    masks = encode_segments(sample.pred_map, ids)
    kept = np.flatnonzero(mask_areas(masks))
    return Masks(
        labels[kept], [masks[k] for k in kept], scores[kept], np.zeros(len(kept), dtype=bool)
    )


def average_precision(
    images: Iterable[ImageMasks],
    thing_labels: Sequence[int],
    max_dets: int,
    engine: CocoEngine = PYCOCOTOOLS,
) -> AveragePrecision:
    """COCO's AP of masks. Crowd is neither missed nor found, and what it covers is no false one.

    Args:
        images: All images, in any order.
        thing_labels: C_th labels, ascending.
        max_dets: Instances per class and image that count, best scores first (COCO: 100).
        engine: Package that matches and averages.

    Returns:
        The averages of ``pycocotools.cocoeval.COCOeval``.
    """
    # Among equal scores the order decides; COCO's is that of the image ids.
    ordered = sorted(images, key=lambda image: image.image_id)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = engine.evaluation(
            _index([(image.size, image.gt) for image in ordered], thing_labels, engine),
            _index([(image.size, image.pred) for image in ordered], thing_labels, engine),
            'segm',
        )
        evaluation.params.maxDets = [max_dets]
        evaluation.evaluate()
        evaluation.accumulate()
    # (T, recall thresholds, C_th, areas: all, small, medium, large); -1 = no ground truth.
    precision = evaluation.eval['precision'][..., -1]

    def mean(values: NDArray[np.float64]) -> float:
        return float(values[values > -1].mean()) if (values > -1).any() else float('nan')

    return AveragePrecision(
        mean(precision[..., 0]),
        mean(precision[0, ..., 0]),
        mean(precision[5, ..., 0]),
        *(mean(precision[..., area]) for area in (1, 2, 3)),
        np.array([mean(precision[:, :, c, 0]) for c in range(len(thing_labels))]),
    )


def instance_results(
    image_id: int | str, masks: Masks, category_ids: Sequence[int]
) -> list[dict[str, Any]]:
    """One image's instances in COCO's results format.

    Args:
        image_id: Id in the data set.
        masks: K predicted instances.
        category_ids: (C,) annotation file's id of each label.

    Returns:
        K results that JSON can hold.
    """
    return [
        dict(
            image_id=image_id,
            category_id=category_ids[label],
            segmentation=dict(size=mask['size'], counts=mask['counts'].decode()),
            score=score,
        )
        for label, mask, score in zip(
            masks.labels.tolist(), masks.masks, masks.scores.tolist(), strict=True
        )
    ]


def _index(
    images: Sequence[tuple[tuple[int, int], Masks]], thing_labels: Sequence[int], engine: CocoEngine
) -> Any:
    """Index over instances; ids start at 1, as pycocotools takes 0 for `not matched`."""
    annotations: list[dict[str, Any]] = []
    for number, (_, masks) in enumerate(images):
        for label, mask, area, score, crowd in zip(
            masks.labels.tolist(),
            masks.masks,
            mask_areas(masks.masks).tolist(),
            masks.scores.tolist(),
            masks.is_crowd.tolist(),
            strict=True,
        ):
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    image_id=number,
                    category_id=label,
                    segmentation=mask,
                    area=area,
                    score=score,
                    iscrowd=int(crowd),
                )
            )
    api = engine.index()
    api.dataset = dict(
        images=[
            dict(id=number, height=size[0], width=size[1])
            for number, (size, _) in enumerate(images)
        ],
        annotations=annotations,
        categories=[dict(id=label, name=str(label)) for label in thing_labels],
    )
    api.createIndex()
    return api
