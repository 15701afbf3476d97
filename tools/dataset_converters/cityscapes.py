#!/usr/bin/env python
"""Makes Cityscapes' panoptic annotations with cityscapesScripts' own createPanopticImgs.

Reads, as the two archives leave them (leftImg8bit_trainvaltest.zip, gtFine_trainvaltest.zip):

ROOT/
  leftImg8bit/{train,val,test}/CITY/CITY_000000_000019_leftImg8bit.png
  gtFine/{train,val}/CITY/CITY_000000_000019_gtFine_instanceIds.png

Writes what CityscapesPanopticDataset reads (19 classes, 8 of them things; groups such as cargroup
are crowd):

  gtFine/cityscapes_panoptic_{train,val}.json
  gtFine/cityscapes_panoptic_{train,val}/CITY_000000_000019_gtFine_panoptic.png
  gtFine/cityscapes_panoptic_test.json      the images alone; the test split has no annotations

Files are the same as `csCreatePanopticImgs` makes them, but several images are made at once, and
an interrupted call goes on where it stopped.

    python tools/dataset_converters/cityscapes.py data/cityscapes
"""

import argparse
import sys

from einet_tools.arguments import parse_root_and_splits

SPLITS = ('train', 'val', 'test')


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    return parse_root_and_splits(argv, __doc__, 'folder of leftImg8bit and gtFine', SPLITS)


if __name__ == '__main__':
    # --help and mistakes are answered before the imports, which take seconds.
    parse_args()

try:
    import cityscapesscripts  # noqa: F401
except ImportError:
    sys.exit('cityscapesscripts is missing: pip install cityscapesscripts')

from einet.datasets.conversion.cityscapes import convert_cityscapes
from einet.datasets.conversion.command import run_splits


def main(argv: list[str] | None = None) -> None:
    """Write the splits, or the parts of them that are missing."""
    args = parse_args(argv)
    options = dict(workers=args.workers, overwrite=args.overwrite)
    run_splits(args.splits, lambda name: convert_cityscapes(args.root, name, **options))


if __name__ == '__main__':
    main()
