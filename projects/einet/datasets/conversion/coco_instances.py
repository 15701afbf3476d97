"""Instances from COCO's JSON, painted over a semantic map."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as rle_masks

from ...structures.files import read_json

# What is read of COCO's instances format.
_KEYS = {
    'categories': ('id', 'name'),
    'images': ('id', 'file_name'),
    'annotations': ('image_id', 'category_id'),
}


def read_coco_instances(
    path: Path, categories: Sequence[dict[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    """Read COCO's instances format.

    Args:
        path: JSON file.
        categories: Panoptic categories; those of the file are matched by name.

    Returns:
        By the images' ``file_name``, their annotations, whose ``category_id`` is now the panoptic
        one.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A list or a key of an entry is missing, or an annotation's category or image.
    """
    content = read_json(path)
    for name, keys in _KEYS.items():
        _check_keys(content, name, keys, path)
    things = {category['name']: category['id'] for category in categories if category['isthing']}
    used = {annotation['category_id'] for annotation in content['annotations']}
    new_ids = {c['id']: things.get(c['name']) for c in content['categories']}
    names = {c['id']: c['name'] for c in content['categories']}
    foreign = sorted(str(names.get(i, i)) for i in used if new_ids.get(i) is None)
    if foreign:
        raise ValueError(
            f'{path} has annotations of {foreign}, which are no things among your categories '
            f'({sorted(things)}); the names must be the same'
        )
    file_names = {image['id']: image['file_name'] for image in content['images']}
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in file_names.values()}
    for annotation in content['annotations']:
        if annotation['image_id'] not in file_names:
            raise ValueError(f'{path}: annotation {annotation.get("id")} is of no image')
        name = file_names[annotation['image_id']]
        found[name].append(annotation | dict(category_id=new_ids[annotation['category_id']]))
    return found


def paint_instances(
    semantic: NDArray[np.integer], annotations: Sequence[dict[str, Any]], image: Path
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Paint COCO's masks over a semantic map: crowds first, then from large to small.

    Args:
        semantic: (H, W) integer, ids of categories.
        annotations: Those of the image, with ``segmentation``, ``category_id`` and ``iscrowd``.
        image: Path of the image, for the message.

    Returns:
        (H, W) semantic map, and (H, W) numbers of instances from 1; 0 = none, or crowd.

    Raises:
        ValueError: A mask cannot be decoded or has another size.
    """
    rles = [(_to_rle(a, semantic.shape, image), a) for a in annotations]
    rles.sort(key=lambda pair: (not pair[1].get('iscrowd'), -int(rle_masks.area(pair[0]))))
    semantic, instances = semantic.astype(np.int32), np.zeros(semantic.shape, np.int32)
    for number, (rle, annotation) in enumerate(rles, start=1):
        mask = rle_masks.decode(rle) > 0
        semantic[mask] = annotation['category_id']
        instances[mask] = 0 if annotation.get('iscrowd') else number
    return semantic, instances


def _to_rle(annotation: dict[str, Any], shape: tuple[int, int], image: Path) -> dict[str, Any]:
    """COCO's segmentation (polygons, or RLE in either form) as compressed RLE."""
    segmentation = annotation.get('segmentation')
    try:
        if isinstance(segmentation, list):
            return rle_masks.merge(rle_masks.frPyObjects(segmentation, *shape))
        (height, width), runs = segmentation['size'], segmentation['counts']
        if not isinstance(runs, list):
            runs = _decompress(runs)
        _check_runs(runs, height, width)
        if (height, width) == shape:
            return rle_masks.frPyObjects(dict(size=shape, counts=runs), *shape)
    except Exception as error:  # pycocotools raises that very class
        raise ValueError(
            f'{image}: the segmentation of annotation {annotation.get("id")} is neither polygons '
            f'nor RLE: {error}'
        ) from error
    raise ValueError(
        f'{image} has {shape[1]} x {shape[0]} pixels, the mask of annotation '
        f'{annotation.get("id")} {width} x {height}'
    )


def _check_keys(content: dict[str, Any], name: str, keys: Sequence[str], path: Path) -> None:
    if not isinstance(content.get(name), list):
        raise ValueError(f"{path} lacks the list {name!r}, which COCO's instances format has")
    for entry in content[name]:
        missing = [key for key in keys if not isinstance(entry, dict) or key not in entry]
        if missing:
            raise ValueError(f'{path}: an entry of {name!r} lacks {missing}: {str(entry)[:200]}')


def _decompress(counts: str) -> list[int]:
    """Runs of compressed RLE, as pycocotools' rleFrString reads them.

    A character has 5 bits of a number, the low ones first, and whether more follow; the last of
    them has its sign. From the fourth on, a number is the difference to the run before the last.
    """
    runs: list[int] = []
    value = shift = 0
    for character in counts:
        bits = ord(character) - 48
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            value -= (bits & 16) << shift - 4
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    return runs


def _check_runs(runs: Sequence[int], height: int, width: int) -> None:
    """Refuse runs that end early: pycocotools leaves the rest of the mask as memory was."""
    if min(runs, default=0) < 0:
        raise ValueError('a run is negative')
    if sum(runs) != height * width:
        raise ValueError(f'its runs have {sum(runs)} pixels, not {width} x {height}')
