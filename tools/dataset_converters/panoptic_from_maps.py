#!/usr/bin/env python
r"""Makes panoptic annotations of your own images from a semantic map and instances.

Every image IMAGES/NAME.jpg (or .jpeg, .png, .bmp, .webp, .tif, .tiff; also in subfolders) needs:

* A semantic map SEMANTIC/NAME.png: one channel, 8 or 16 bit, or a palette. A pixel's value is the
  `id` of its category, or the void value (255, see --void).
* Its instances, in one of two forms:
  1. --instances FOLDER: a map FOLDER/NAME.png, one channel of 8 or 16 bit, or RGB that stands for
     R + 256 G + 65536 B. Pixels of a thing class with the same value are one object; the same
     value in another class is another object. 0 means: no single object. On stuff the map is not
     looked at.
  2. --instances FILE.json: COCO's instances format. Images are found by `file_name`, categories
     by name. Masks (polygons or RLE) are painted over the semantic map, crowds first, then from
     large to small, so that of two that overlap the smaller one is in front.

Pixels of a thing class that belong to no single object, and COCO's iscrowd, become a crowd segment:
neither trained on nor counted in the evaluation.

CATEGORIES is a JSON file: a list, or an object with the list under `categories`, of
    {"id": 1, "name": "car", "isthing": 1}
with ids from 0 to 65535; at least one is a thing (isthing 1).

Maps have the size of their image. Written are, in COCO's panoptic format:

    OUT/panoptic_SPLIT.json
    OUT/panoptic_SPLIT/NAME.png

    python tools/dataset_converters/panoptic_from_maps.py --images data/mine/train \
        --semantic data/mine/semantic/train --instances data/mine/instances/train \
        --categories data/mine/categories.json --out data/mine/annotations --split train
"""

import argparse
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from converter_run import add_arguments, run_splits
from instance_maps import paint_instances, read_coco_instances, read_instance_map
from numpy.typing import NDArray
from panoptic_files import (
    check_image,
    check_size,
    describe_segments,
    encode_ids,
    read_json,
    read_label_map,
)
from panoptic_split import Converted, Split, convert_split

from einet.datasets.categories import complete_metainfo, match_categories
from einet.structures.runs import find_runs

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff')
MAX_VALUE = 65535


class Source(NamedTuple):
    """Files of one image.

    Attributes:
        file_name: of the image below IMAGES.
        image: its path.
        semantic: path of the map.
        instances: path of the map, or COCO's annotations with the semantic ids of their categories.
    """

    file_name: str
    image: Path
    semantic: Path
    instances: Path | list[dict[str, Any]]


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--images', type=Path, required=True, help='folder of the images')
    parser.add_argument('--semantic', type=Path, required=True, help='folder of the semantic maps')
    parser.add_argument(
        '--instances', type=Path, required=True, help="folder of instance maps, or COCO's JSON"
    )
    parser.add_argument('--categories', type=Path, required=True, help='JSON file')
    parser.add_argument('--out', type=Path, required=True, help='folder to write')
    parser.add_argument('--split', default='train', help='name of the split (%(default)s)')
    parser.add_argument(
        '--semantic-suffix', default='.png', help='NAME + this is the map (%(default)s)'
    )
    parser.add_argument(
        '--instances-suffix', default='.png', help='NAME + this is the map (%(default)s)'
    )
    parser.add_argument('--void', type=int, default=255, help='semantic value (%(default)s)')
    add_arguments(parser)
    return parser.parse_args(argv)


def read_categories(path: Path, void: int) -> list[dict[str, Any]]:
    """Read and check the categories.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when one is incomplete, repeated or out of range, or none is a thing.
    """
    content = read_json(path)
    categories = content.get('categories') if isinstance(content, dict) else content
    if not isinstance(categories, list) or not all(isinstance(c, dict) for c in categories):
        raise ValueError(f'{path}: give a list of {{"id": 1, "name": "car", "isthing": 1}}')
    things = [c.get('name') for c in categories if c.get('isthing')]
    stuff = [c.get('name') for c in categories if not c.get('isthing')]
    match_categories(categories, things, stuff, str(path))
    try:
        complete_metainfo(dict(thing_classes=things, stuff_classes=stuff))
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from error
    wrong = [c for c in categories if not 0 <= c['id'] <= MAX_VALUE or c['id'] == void]
    if wrong:
        raise ValueError(
            f'{path}: the id of {wrong[0]} is not in 0..{MAX_VALUE}, or is the void value {void}'
        )
    return categories


def find_sources(args: argparse.Namespace, categories: list[dict[str, Any]]) -> dict[str, Source]:
    """The images with their maps, by image id: the image's name without suffix."""
    images = sorted(
        path for path in args.images.rglob('*') if path.suffix.lower() in IMAGE_SUFFIXES
    )
    if not images:
        raise FileNotFoundError(f'{args.images} has no images ({", ".join(IMAGE_SUFFIXES)})')
    from_json = args.instances.suffix == '.json'
    instances = read_coco_instances(args.instances, categories) if from_json else {}
    sources: dict[str, Source] = {}
    for image in images:
        file_name = image.relative_to(args.images).as_posix()
        name = file_name.removesuffix(image.suffix)
        if name in sources:
            raise ValueError(f'{image} and {sources[name].image} have the same name')
        if from_json and file_name not in instances:
            raise ValueError(f'{args.instances} has no image with the file_name {file_name}')
        sources[name] = Source(
            file_name,
            image,
            args.semantic / f'{name}{args.semantic_suffix}',
            instances.get(file_name, args.instances / f'{name}{args.instances_suffix}'),
        )
    return sources


def merge_maps(
    semantic: NDArray[np.integer],
    instances: NDArray[np.integer],
    is_thing: dict[int, bool],
    void: int,
    path: Path,
) -> tuple[NDArray[np.int64], list[dict[str, Any]]]:
    """One map of segments, numbered from 1 by category and instance.

    Args:
        semantic: (H, W) ids of categories, or void.
        instances: (H, W) from 0; 0 on a thing is crowd.
        is_thing: whether a category is a thing, by id.
        void: the value of no category.
        path: of the semantic map, for the message.

    Returns:
        (H, W) numbers, 0 = void, and ``category_id`` and ``iscrowd`` of each, from number 1.

    Raises:
        ValueError: when a value is neither void nor the id of a category.
    """
    unknown = set(np.unique(semantic).tolist()) - is_thing.keys() - {void}
    if unknown:
        raise ValueError(
            f'{path} has the values {sorted(unknown)[:10]}, which are ids of no category, nor the '
            f'void value {void}'
        )
    on_thing = np.isin(semantic, [i for i, thing in is_thing.items() if thing])
    runs = find_runs(semantic.astype(np.int64) << 32 | np.where(on_thing, instances, 0))
    pairs, of_run = np.unique(runs.values, return_inverse=True)
    counted = pairs >> 32 != void
    numbers = np.where(counted, np.cumsum(counted), 0)
    segments = [
        dict(category_id=pair >> 32, iscrowd=int(is_thing[pair >> 32] and not pair & 0xFFFFFFFF))
        for pair in pairs[counted].tolist()
    ]
    return runs.paint(numbers[of_run]), segments


def convert(source: Source, is_thing: dict[int, bool], void: int) -> Converted:
    """Merge the maps of one image."""
    photo = check_image(source.image)
    semantic = read_label_map(source.semantic)
    check_size(source.semantic, semantic, photo)
    if isinstance(source.instances, Path):
        instances = read_instance_map(source.instances)
        check_size(source.instances, instances, photo)
    else:
        semantic, instances = paint_instances(semantic, source.instances, source.image)
    id_map, segments = merge_maps(semantic, instances, is_thing, void, source.semantic)
    measured = [d | segments[d['id'] - 1] for d in describe_segments(id_map)]
    name = Path(source.file_name).with_suffix('').as_posix()
    image = dict(id=name, file_name=source.file_name, width=photo.width, height=photo.height)
    annotation = dict(image_id=name, file_name=f'{name}.png', segments_info=measured)
    return Converted(image, annotation, encode_ids(id_map))


def main(argv: list[str] | None = None) -> None:
    """Write the split, or the part of it that is missing."""
    args = parse_args(argv)

    def convert_one(name: str) -> bool:
        categories = read_categories(args.categories, args.void)
        is_thing = {category['id']: bool(category['isthing']) for category in categories}
        path = args.out / f'panoptic_{name}.json'
        process = partial(convert, is_thing=is_thing, void=args.void)
        split = Split(path, args.out / path.stem, categories)
        sources = find_sources(args, categories)
        return convert_split(split, sources, process, args.workers, args.overwrite)

    run_splits([args.split], convert_one)


if __name__ == '__main__':
    main()
