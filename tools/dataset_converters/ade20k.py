#!/usr/bin/env python
"""Makes ADE20K's panoptic annotations: 100 thing and 50 stuff classes, as Mask2Former has them.

Reads ADEChallengeData2016.zip and, unpacked in its folder, ChallengeData2017's
annotations_instance.tar:

ROOT/
  images/{training,validation}/ADE_train_00000001.jpg
  annotations/{training,validation}/ADE_train_00000001.png            1..150 = class, 0 = void
  annotations_instance/{training,validation}/ADE_train_00000001.png   R = 1..100 class, G = instance

Stuff comes from the first map; the instances of the second are pasted over it; all else is void.
Writes what ADE20K150PanopticDataset reads:

  ade20k_panoptic_{train,val}.json
  ade20k_panoptic_{train,val}/ADE_train_00000001.png

Category ids are Mask2Former's: the value in `annotations` minus 1. Names are mmdet's.

    python tools/dataset_converters/ade20k.py data/ADEChallengeData2016
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from converter_run import add_arguments, run_splits
from numpy.typing import NDArray
from panoptic_files import (
    check_image,
    check_size,
    describe_segments,
    encode_ids,
    read_colors,
    read_label_map,
)
from panoptic_split import Converted, Split, convert_split

from einet.datasets.ade20k import SEMANTIC_INDEX, ADE20K150PanopticDataset

SPLITS = {'train': ('training', 20210), 'val': ('validation', 2000)}
META = ADE20K150PanopticDataset.METAINFO
THING_IDS = SEMANTIC_INDEX[: len(META['thing_classes'])]
# Things first: mmdet's data sets take labels from the order of the file.
CATEGORIES = [
    dict(id=category_id, name=name, isthing=int(category_id in THING_IDS), color=list(color))
    for category_id, name, color in zip(
        SEMANTIC_INDEX,
        (*META['thing_classes'], *META['stuff_classes']),
        META['palette'],
        strict=True,
    )
]


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('root', type=Path, help='folder of images and annotations')
    parser.add_argument(
        '--splits', nargs='+', choices=SPLITS, default=list(SPLITS), help='train and val'
    )
    add_arguments(parser)
    return parser.parse_args(argv)


def merge_maps(
    semantic: NDArray[np.integer], instances: NDArray[np.integer], path: Path
) -> tuple[NDArray[np.integer], Mapping[int, int]]:
    """One map of segments: stuff, and instances over it.

    Args:
        semantic: (H, W) in 0..150, 0 = void.
        instances: (H, W, 2), class 1..100 and number of the instance; number 0 is no instance.
        path: of the map of instances, for the message.

    Returns:
        (H, W) ids from 1, 0 = void, and the category id of each.

    Raises:
        ValueError: when an instance has several classes, or one out of range.
    """
    is_stuff = np.ones(len(SEMANTIC_INDEX) + 1, bool)
    is_stuff[[0, *(i + 1 for i in THING_IDS)]] = False
    id_map = np.where(is_stuff[semantic], semantic, 0).astype(np.int32)
    categories = {int(i): int(i) - 1 for i in np.unique(id_map) if i > 0}
    classes, numbers = instances[..., 0].astype(np.int32), instances[..., 1].astype(np.int32)
    pairs = np.unique((numbers * 256 + classes)[numbers > 0])
    found, counts = np.unique(pairs // 256, return_counts=True)
    if (counts > 1).any():
        raise ValueError(f'{path}: instance {found[counts > 1][0]} has several classes')
    of_class = pairs % 256
    wrong = set(of_class.tolist()) - set(range(1, len(THING_IDS) + 1))
    if wrong:
        raise ValueError(f'{path} has instances of classes {sorted(wrong)}; they are 1 to 100')
    # Ids after those of stuff.
    id_map = np.where(numbers > 0, numbers + len(SEMANTIC_INDEX), id_map)
    for number, thing in zip(found.tolist(), of_class.tolist(), strict=True):
        categories[number + len(SEMANTIC_INDEX)] = THING_IDS[thing - 1]
    return id_map, categories


def convert(path: Path) -> Converted:
    """Merge the two maps of the image at `path`."""
    root, split, name = path.parents[2], path.parent.name, f'{path.stem}.png'
    photo = check_image(path)
    semantic_path = root / 'annotations' / split / name
    instances_path = root / 'annotations_instance' / split / name
    semantic, instances = read_label_map(semantic_path), read_colors(instances_path)
    check_size(semantic_path, semantic, photo)
    check_size(instances_path, instances, photo)
    if semantic.max() > len(SEMANTIC_INDEX):
        raise ValueError(f'{semantic_path} has the value {semantic.max()}; classes are 0 to 150')
    id_map, categories = merge_maps(semantic, instances[..., :2], instances_path)
    segments = [
        segment | dict(category_id=categories[segment['id']], iscrowd=0)
        for segment in describe_segments(id_map)
    ]
    image = dict(id=path.stem, file_name=path.name, width=photo.width, height=photo.height)
    annotation = dict(image_id=path.stem, file_name=name, segments_info=segments)
    return Converted(image, annotation, encode_ids(id_map))


def convert_one(root: Path, name: str, workers: int, overwrite: bool) -> bool:
    """Write one split; whether all went well."""
    folder, count = SPLITS[name]
    images = sorted((root / 'images' / folder).glob('*.jpg'))
    if not images:
        raise FileNotFoundError(
            f'{root / "images" / folder} has no images; ROOT is the folder that '
            f'ADEChallengeData2016.zip unpacks to'
        )
    if not (root / 'annotations_instance' / folder).is_dir():
        raise FileNotFoundError(
            f'{root / "annotations_instance" / folder} is missing; unpack '
            f'annotations_instance.tar of ChallengeData2017 into {root}'
        )
    if len(images) != count:
        print(f'{name}: {len(images)} images; ADE20K has {count}')
    path = root / f'ade20k_panoptic_{name}.json'
    split = Split(path, root / path.stem, CATEGORIES)
    sources = {image.stem: image for image in images}
    return convert_split(split, sources, convert, workers, overwrite)


def main(argv: list[str] | None = None) -> None:
    """Write the splits, or the parts of them that are missing."""
    args = parse_args(argv)
    options = dict(workers=args.workers, overwrite=args.overwrite)
    run_splits(args.splits, lambda name: convert_one(args.root, name, **options))


if __name__ == '__main__':
    main()
