"""Average precision of instances by pycocotools, from run lengths in memory.

Letters: C_th thing classes; T = 10 IoU thresholds, 0.50 to 0.95.
"""

import contextlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from .instance_masks import Masks, mask_areas


@dataclass(frozen=True)
class ImageMasks:
    """What AP needs of one image.

    Args:
        image_id: as in the data set.
        size: (height, width).
        gt: the things of the ground truth.
        pred: the predicted ones, with scores.
    """

    image_id: int | str
    size: tuple[int, int]
    gt: Masks
    pred: Masks


class AveragePrecision(NamedTuple):
    """AP in [0, 1]; NaN where the ground truth has no instance of the kind that is not crowd.

    Attributes:
        ap: mean over thresholds 0.50 to 0.95 and classes.
        ap50: at 0.50.
        ap75: at 0.75.
        ap_s: of instances below 32^2 pixels.
        ap_m: of those from 32^2 to 96^2.
        ap_l: of larger ones.
        per_class: (C_th,) over the thresholds, in the order of the labels given.
    """

    ap: float
    ap50: float
    ap75: float
    ap_s: float
    ap_m: float
    ap_l: float
    per_class: NDArray[np.float64]


def average_precision(
    images: Iterable[ImageMasks], thing_labels: Sequence[int], max_dets: int
) -> AveragePrecision:
    """COCO's AP of masks. Crowd is neither missed nor found, and what it covers is no false one.

    Args:
        images: of all images, in any order.
        thing_labels: C_th labels, ascending.
        max_dets: instances per class and image that count, best scores first (COCO: 100).

    Returns:
        The averages of ``pycocotools.cocoeval.COCOeval``.
    """
    # Among equal scores the order decides; COCO's is that of the image ids.
    ordered = sorted(images, key=lambda image: image.image_id)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(
            _index([(image.size, image.gt) for image in ordered], thing_labels),
            _index([(image.size, image.pred) for image in ordered], thing_labels),
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


def coco_results(
    image_id: int | str, masks: Masks, category_ids: Sequence[int]
) -> list[dict[str, Any]]:
    """One image's instances in COCO's results format.

    Args:
        image_id: as in the data set.
        masks: K predicted instances.
        category_ids: id in the annotation file of each label.

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


def _index(images: Sequence[tuple[tuple[int, int], Masks]], thing_labels: Sequence[int]) -> COCO:
    """Pycocotools' index over instances; ids start at 1, as it takes 0 for `not matched`."""
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
    api = COCO()
    api.dataset = dict(
        images=[
            dict(id=number, height=size[0], width=size[1])
            for number, (size, _) in enumerate(images)
        ],
        annotations=annotations,
        categories=[dict(id=label) for label in thing_labels],
    )
    api.createIndex()
    return api
