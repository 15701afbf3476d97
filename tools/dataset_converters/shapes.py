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
import sys
from pathlib import Path

from einet_tools.shapes_set import ShapesParameters, is_finished


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
    parser.add_argument(
        '--colored',
        action='store_true',
        help='16 classes of things, every shape in every color, some rare (default: 4 shapes)',
    )
    parser.add_argument('--workers', type=int, default=2, help='processes (%(default)s)')
    parser.add_argument('--force', action='store_true', help='replace a set with other parameters')
    args = parser.parse_args(argv)
    for name, least in (('train', 1), ('val', 1), ('size', 32), ('max_instances', 1)):
        if getattr(args, name) < least:
            parser.error(f'--{name.replace("_", "-")} must be at least {least}')
    return args


def main(argv: list[str] | None = None) -> None:
    """Write the set, or the part of it that is missing."""
    args = parse_args(argv)
    parameters = ShapesParameters(
        args.train, args.val, args.size, args.max_instances, args.seed, colored=args.colored
    )
    if is_finished(args.out, parameters) and not args.force:
        print(f'shapes are in {args.out}, all of them')
        return
    # Takes seconds; --help, mistakes and a finished set do not wait for it.
    from einet.datasets.conversion.shapes import write_shapes

    try:
        write_shapes(args.out, parameters, args.workers, args.force)
    except FileExistsError as error:
        sys.exit(str(error))
    print(f'shapes are in {args.out}')


if __name__ == '__main__':
    main()
