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

from einet_tools.arguments import parse_root_and_splits

SPLITS = ('train', 'val')


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    return parse_root_and_splits(argv, __doc__, 'folder of images and annotations', SPLITS)


if __name__ == '__main__':
    # --help and mistakes are answered before the imports, which take seconds.
    parse_args()

from einet.datasets.conversion.ade20k import convert_ade20k
from einet.datasets.conversion.command import run_splits


def main(argv: list[str] | None = None) -> None:
    """Write the splits, or the parts of them that are missing."""
    args = parse_args(argv)
    options = dict(workers=args.workers, overwrite=args.overwrite)
    run_splits(args.splits, lambda name: convert_ade20k(args.root, name, **options))


if __name__ == '__main__':
    main()
