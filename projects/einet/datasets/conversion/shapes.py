"""A synthetic set on disk: scenes of shapes, written in COCO's panoptic format.

The same parameters give the same files, bit by bit, whatever the number of processes.

Shape shorthand:
    H, W: image
"""

import json
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.utils import ProgressBar
from numpy.typing import NDArray

from einet_tools.shapes_set import (
    PARAMETERS_FILE,
    SPLITS,
    ShapesParameters,
    annotation_file,
    is_complete,
)

from ...structures.files import read_json, write_file, write_png
from ...structures.id_map import ids_to_bgr
from ...structures.limits import MAX_ID
from ...structures.parallel import run_parallel
from ...structures.segment_pixels import measure_segments
from .shapes_classes import categories
from .shapes_scene import VOID, Scene, draw_scene


def write_shapes(
    out: Path, parameters: ShapesParameters, workers: int = 1, force: bool = False
) -> None:
    """Write the set, or the part of it that is missing.

    Args:
        out: Folder to write.
        parameters: What to make.
        workers: Number of processes.
        force: Whether to replace a set of other parameters.

    Raises:
        FileExistsError: The folder holds a set of other parameters, or other files.
    """
    claim_folder(out, parameters, force)
    for split in SPLITS:
        if is_complete(out, split, parameters):
            print(f'{split}: already complete in {out}, nothing to do')
        else:
            write_split(out, split, parameters, workers)


def claim_folder(out: Path, parameters: ShapesParameters, force: bool) -> None:
    """Make a folder ours: never overwrite another set unless told to.

    Args:
        out: Folder to write.
        parameters: What it will hold.
        force: Whether to replace a set of other parameters.

    Raises:
        FileExistsError: The folder holds a set of other parameters, or other files.
    """
    marker = out / PARAMETERS_FILE
    if marker.exists():
        found = read_json(marker)
        if found != parameters.recorded() and not force:
            raise FileExistsError(
                f'{out} holds a set made with {found}, not {parameters.recorded()}.\n'
                'Choose another folder, or replace it with --force.'
            )
        if force:
            for name in (*SPLITS, 'annotations'):
                shutil.rmtree(out / name, ignore_errors=True)
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(
            f'{out} holds something this tool did not write: choose another folder.'
        )
    write_file(marker, json.dumps(parameters.recorded()).encode())


def write_split(out: Path, split: str, parameters: ShapesParameters, workers: int) -> None:
    """Write all images of a split and, last, its JSON.

    Args:
        out: Folder of the set.
        split: ``train`` or ``val``.
        parameters: What to make.
        workers: Number of processes.
    """
    count = getattr(parameters, split)
    print(f'{split}: {count} images of {parameters.size} px', flush=True)
    classes = categories(parameters.colored)
    write = partial(
        write_image,
        out=out,
        split=split,
        parameters=parameters,
        category_ids={category['name']: category['id'] for category in classes},
    )
    progress, images, annotations = ProgressBar(count), [], []
    for image, annotation in run_parallel(write, range(count), workers):
        images.append(image)
        annotations.append(annotation)
        progress.update()
    print(flush=True)
    content = dict(
        info=dict(description='synthetic shapes', **parameters.recorded()),
        categories=classes,
        images=images,
        annotations=annotations,
    )
    write_file(annotation_file(out, split), json.dumps(content).encode())


def write_image(
    index: int,
    out: Path,
    split: str,
    parameters: ShapesParameters,
    category_ids: Mapping[str, int],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Draw and write one image.

    Args:
        index: Number of the image in its split.
        out: Folder of the set.
        split: ``train`` or ``val``.
        parameters: What to make.
        category_ids: Id of each class, by name.

    Returns:
        Its entries in the JSON's ``images`` and ``annotations``.
    """
    rng = np.random.default_rng([parameters.seed, SPLITS.index(split), index])
    scene = draw_scene(rng, parameters.size, parameters.max_instances, parameters.colored)
    id_map, segments = number_segments(scene, category_ids, rng)
    stem = f'{index:012d}'
    quality = [cv2.IMWRITE_JPEG_QUALITY, 95]
    _, jpeg = cv2.imencode('.jpg', scene.image[..., ::-1], quality)
    write_file(out / split / f'{stem}.jpg', jpeg.tobytes())
    write_png(annotation_file(out, split).with_suffix('') / f'{stem}.png', ids_to_bgr(id_map))
    height, width = id_map.shape
    image = dict(id=index, file_name=f'{stem}.jpg', height=height, width=width)
    return image, dict(image_id=index, file_name=f'{stem}.png', segments_info=segments)


def number_segments(
    scene: Scene, category_ids: Mapping[str, int], rng: np.random.Generator
) -> tuple[NDArray[np.int64], list[dict[str, Any]]]:
    """Give every segment that has pixels a random id, as COCO's files do.

    Args:
        scene: What was drawn.
        category_ids: Id of each class, by name.
        rng: Source of the ids.

    Returns:
        (H, W) ids, 0 = void, and COCO's ``segments_info`` in the scene's order.
    """
    ids = 1 + rng.choice(MAX_ID, size=len(scene.segments), replace=False)
    id_map = np.where(scene.segment_map == VOID, 0, ids[scene.segment_map])
    measured = {segment['id']: segment for segment in measure_segments(id_map).describe()}
    segments = [
        dict(
            id=segment_id,
            category_id=category_ids[kind],
            iscrowd=int(crowd),
            bbox=measured[segment_id]['bbox'],
            area=measured[segment_id]['area'],
        )
        for segment_id, (kind, crowd) in zip(ids.tolist(), scene.segments, strict=True)
        if segment_id in measured
    ]
    return id_map, segments
