"""Predictions on disk: COCO panoptic JSON and id-coded PNGs, for panopticapi and test servers.

Shape shorthand:
    H, W: image
    C: classes
    P: predicted segments
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..structures.files import write_file, write_png
from ..structures.id_map import ids_to_bgr
from ..structures.limits import MAX_ID
from ..structures.panoptic_ids import decode_labels
from ..structures.segments import NONE

#: Ids on disk are those in memory plus this, so that stuff of label 0 is not void.
ID_SHIFT = 1


@dataclass(frozen=True)
class WrittenImage:
    """What the JSON has to say about one PNG.

    Args:
        image_id: Id in the data set; int or str.
        image: Image's file name below its data set's folder.
        height: Height in pixels.
        width: Width in pixels.
        ids: (P,) segment ids in the PNG.
        labels: (P,) labels in [0, C).
        areas: (P,) areas in pixels.
        category_ids: (C,) annotation file's id of each label.
    """

    image_id: int | str
    image: str
    height: int
    width: int
    ids: NDArray[np.int64]
    labels: NDArray[np.int64]
    areas: NDArray[np.int64]
    category_ids: tuple[int, ...]

    @property
    def file_name(self) -> str:
        """The PNG's name: the image's, as COCO pairs them."""
        return str(PurePosixPath(self.image).with_suffix('.png'))


def write_image(
    folder: Path,
    image: str,
    image_id: int | str,
    pred_map: NDArray[np.integer],
    category_ids: tuple[int, ...],
) -> WrittenImage:
    """Write one prediction as an id-coded PNG; void pixels become 0.

    Several processes may write the same file: each moves a complete one into place.

    Args:
        folder: Where to write; made when missing.
        image: Image's file name below its data set's folder; the PNG's but for the suffix.
        image_id: Id in the data set.
        pred_map: (H, W) panoptic ids, void = C.
        category_ids: (C,) annotation file's id of each label.

    Returns:
        The segments of the PNG.

    Raises:
        ValueError: A label lies outside [0, C] or an id does not fit into 24 bits.
    """
    values, inverse, areas = np.unique(pred_map, return_inverse=True, return_counts=True)
    values = values.astype(np.int64)
    labels = decode_labels(values, len(category_ids))
    kept = labels != NONE
    ids = np.where(kept, values + ID_SHIFT, 0)
    if ids.min(initial=0) < 0 or ids.max(initial=0) > MAX_ID:
        raise ValueError(
            f'panoptic ids {values.min()} to {values.max()} do not fit into a PNG '
            f'(0 to {MAX_ID - ID_SHIFT}): number the instances of an image from 1'
        )
    height, width = pred_map.shape
    id_map = ids[inverse].reshape(height, width)
    written = WrittenImage(
        image_id, image, height, width, ids[kept], labels[kept], areas[kept], category_ids
    )
    write_png(folder / written.file_name, ids_to_bgr(id_map))
    return written


def write_json(
    path: Path,
    images: Sequence[WrittenImage],
    classes: Sequence[str],
    thing_labels: frozenset[int],
) -> None:
    """Write the annotation file of all PNGs, complete enough to be read as a dataset again.

    Images of several annotation files get the category ids of the first one.

    Args:
        path: JSON file.
        images: What :func:`write_image` returned, one per image; at least one.
        classes: (C,) names by label.
        thing_labels: Labels of the thing classes.

    Raises:
        ValueError: Two images share one file name.
    """
    owners: dict[str, int | str] = {}
    for image in images:
        if owners.setdefault(image.file_name, image.image_id) != image.image_id:
            raise ValueError(
                f'the predictions of images {owners[image.file_name]} and {image.image_id} are '
                f'both named {image.file_name}: give the images distinct names'
            )
    category_ids = images[0].category_ids
    categories = [
        dict(id=category_id, name=name, isthing=int(label in thing_labels))
        for label, (category_id, name) in enumerate(zip(category_ids, classes, strict=True))
    ]
    content = dict(
        images=[
            dict(id=image.image_id, file_name=image.image, width=image.width, height=image.height)
            for image in images
        ],
        annotations=[_annotation(image, category_ids) for image in images],
        categories=categories,
    )
    write_file(path, json.dumps(content).encode())


def _annotation(image: WrittenImage, category_ids: Sequence[int]) -> dict[str, Any]:
    segments = zip(image.ids.tolist(), image.labels.tolist(), image.areas.tolist(), strict=True)
    return dict(
        image_id=image.image_id,
        file_name=image.file_name,
        segments_info=[
            dict(id=segment_id, category_id=category_ids[label], area=area, iscrowd=0)
            for segment_id, label, area in segments
        ],
    )
