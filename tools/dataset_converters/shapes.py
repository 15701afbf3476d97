#!/usr/bin/env python
"""Writes a synthetic panoptic data set (shapes over sky, grass and water) in COCO's format.

OUT/
  annotations/panoptic_train.json   annotations/panoptic_train/000000000000.png   (ids as colors)
  annotations/panoptic_val.json     annotations/panoptic_val/...
  train/000000000000.jpg            val/...
  shapes_parameters.json            what the set was made with

The same parameters give the same files, bit by bit, whatever the number of processes.

    python tools/dataset_converters/shapes.py data/shapes --train 1000 --val 60
"""

import argparse
import json
import shutil
import sys
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from mmengine.utils import track_parallel_progress, track_progress
from shapes_scene import STUFF, THINGS, VOID, Scene, draw_scene

FORMAT_VERSION = 1
PARAMETERS_FILE = 'shapes_parameters.json'
PALETTE = {
    'disc': [220, 60, 50],
    'square': [210, 70, 220],
    'triangle': [240, 200, 40],
    'star': [90, 80, 240],
    'sky': [150, 190, 235],
    'grass': [80, 150, 60],
    'water': [30, 95, 130],
}
# As in COCO, ids have gaps and are not labels.
CATEGORIES = [
    dict(id=i, name=name, isthing=int(name in THINGS), color=PALETTE[name], supercategory=group)
    for group, first, names in (('thing', 1, THINGS), ('stuff', 21, STUFF))
    for i, name in enumerate(names, start=first)
]


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('out', type=Path, help='folder to write, for example data/shapes')
    parser.add_argument('--train', type=int, default=1000, help='training images (%(default)s)')
    parser.add_argument('--val', type=int, default=60, help='validation images (%(default)s)')
    parser.add_argument('--size', type=int, default=128, help='side in pixels (%(default)s)')
    parser.add_argument('--max-instances', type=int, default=30, help='per image (%(default)s)')
    parser.add_argument('--seed', type=int, default=0, help='another seed, another set')
    parser.add_argument('--workers', type=int, default=2, help='processes (%(default)s)')
    parser.add_argument('--force', action='store_true', help='replace a set with other parameters')
    args = parser.parse_args(argv)
    for name, least in (('train', 1), ('val', 1), ('size', 32), ('max_instances', 1)):
        if getattr(args, name) < least:
            parser.error(f'--{name.replace("_", "-")} must be at least {least}')
    return args


def encode_segments(scene: Scene, rng: np.random.Generator) -> tuple[np.ndarray, list[dict]]:
    """Give every segment that has pixels a random id, as COCO's files do.

    Returns:
        (H, W, 3) uint8 in OpenCV's BGR order, id = R + 256 G + 256^2 B, and COCO's `segments_info`.
    """
    category_ids = {c['name']: c['id'] for c in CATEGORIES}
    ids = rng.choice(np.arange(1, 256**3), size=len(scene.segments), replace=False)
    id_map = np.where(scene.segment_map == VOID, 0, ids[scene.segment_map])
    segments = []
    for index, (kind, crowd) in enumerate(scene.segments):
        y, x = np.nonzero(scene.segment_map == index)
        if not len(x):
            continue
        box = [x.min(), y.min(), x.max() - x.min() + 1, y.max() - y.min() + 1]
        segments.append(
            dict(
                id=int(ids[index]),
                category_id=category_ids[kind],
                iscrowd=int(crowd),
                bbox=[int(v) for v in box],
                area=len(x),
            )
        )
    return np.stack([id_map >> 16, id_map >> 8, id_map], axis=-1).astype(np.uint8), segments


def write_image(index: int, out: Path, split: str, parameters: dict) -> tuple[dict, dict]:
    """Draw and write image `index` of a split; returns its JSON image and annotation."""
    cv2.setNumThreads(1)
    stream = [parameters['seed'], ('train', 'val').index(split), index]
    rng = np.random.default_rng(stream)
    scene = draw_scene(rng, parameters['size'], parameters['max_instances'])
    png, segments = encode_segments(scene, rng)
    stem = f'{index:012d}'
    path, annotation = out / split / f'{stem}.jpg', out / f'annotations/panoptic_{split}'
    jpeg = [cv2.IMWRITE_JPEG_QUALITY, 95]
    written = cv2.imwrite(str(path), scene.image[..., ::-1], jpeg)
    written &= cv2.imwrite(str(annotation / f'{stem}.png'), png)
    if not written:
        raise OSError(f'cannot write {path} or its annotation: disk full or not writable?')
    height, width = scene.segment_map.shape
    image = dict(id=index, file_name=path.name, height=height, width=width)
    return image, dict(image_id=index, file_name=f'{stem}.png', segments_info=segments)


def write_split(out: Path, split: str, parameters: dict, workers: int) -> None:
    """Write all images of a split and, last, its JSON."""
    for folder in (out / split, out / f'annotations/panoptic_{split}'):
        folder.mkdir(parents=True, exist_ok=True)
    count = parameters[split]
    print(f'{split}: {count} images of {parameters["size"]} px', flush=True)
    write = partial(write_image, out=out, split=split, parameters=parameters)
    if workers > 1:
        records = track_parallel_progress(write, range(count), workers, chunksize=4)
    else:
        records = track_progress(write, range(count))
    print(flush=True)
    images, annotations = map(list, zip(*records, strict=True))
    content = dict(
        info=dict(description='synthetic shapes', **parameters),
        categories=CATEGORIES,
        images=images,
        annotations=annotations,
    )
    path = out / f'annotations/panoptic_{split}.json'
    partial_path = path.with_suffix('.json.partial')
    partial_path.write_text(json.dumps(content))
    partial_path.replace(path)


def is_complete(out: Path, split: str, parameters: dict) -> bool:
    """Whether a split was written to its end with these parameters."""
    path = out / f'annotations/panoptic_{split}.json'
    if not path.exists():
        return False
    content = json.loads(path.read_text())
    made_with = {k: content['info'].get(k) for k in parameters}
    names = {p.name for p in (out / split).glob('*.jpg')}
    masks = {p.name for p in (out / f'annotations/panoptic_{split}').glob('*.png')}
    return (
        made_with == parameters
        and {i['file_name'] for i in content['images']} <= names
        and {a['file_name'] for a in content['annotations']} <= masks
    )


def claim_folder(out: Path, parameters: dict, force: bool) -> None:
    """Make `out` ours, or stop: never overwrite another set unless told to."""
    marker = out / PARAMETERS_FILE
    if marker.exists():
        found = json.loads(marker.read_text())
        if found != parameters and not force:
            sys.exit(
                f'{out} holds a set made with {found}, not {parameters}.\n'
                'Choose another folder, or replace it with --force.'
            )
        if force:
            for name in ('train', 'val', 'annotations'):
                shutil.rmtree(out / name, ignore_errors=True)
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        sys.exit(f'{out} holds something this tool did not write: choose another folder.')
    out.mkdir(parents=True, exist_ok=True)
    marker.write_text(json.dumps(parameters))


def main(argv: list[str] | None = None) -> None:
    """Write the set, or the part of it that is missing."""
    args = parse_args(argv)
    names = ('train', 'val', 'size', 'max_instances', 'seed')
    parameters = {name: getattr(args, name) for name in names} | dict(version=FORMAT_VERSION)
    claim_folder(args.out, parameters, args.force)
    for split in ('train', 'val'):
        if is_complete(args.out, split, parameters):
            print(f'{split}: already complete in {args.out}, nothing to do')
        else:
            write_split(args.out, split, parameters, args.workers)
    print(f'shapes are in {args.out}')


if __name__ == '__main__':
    main()
