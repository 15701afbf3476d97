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
from pathlib import Path

from einet_tools.arguments import add_conversion_arguments


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
    add_conversion_arguments(parser)
    return parser.parse_args(argv)


if __name__ == '__main__':
    # --help and mistakes are answered before the imports, which take seconds.
    parse_args()

from einet.datasets.conversion.command import run_splits
from einet.datasets.conversion.panoptic_from_maps import MapFiles, convert_maps


def main(argv: list[str] | None = None) -> None:
    """Write the split, or the part of it that is missing."""
    args = parse_args(argv)
    files = MapFiles(
        args.images, args.semantic, args.instances, args.semantic_suffix, args.instances_suffix
    )
    options = dict(void=args.void, workers=args.workers, overwrite=args.overwrite)
    run_splits(
        [args.split], lambda name: convert_maps(files, args.categories, args.out, name, **options)
    )


if __name__ == '__main__':
    main()
