#!/usr/bin/env python
"""Checks Mapillary Vistas v1.2 and lists it in COCO's panoptic format.

Reads the release as it is unpacked; of release 2.0, the folders v1.2 with the same classes:

ROOT/
  training/images/KEY.jpg                    validation/images/...
  training/panoptic/panoptic_2018.json       or training/v1.2/panoptic/panoptic_2018.json
  training/panoptic/KEY.png                  ids as colors

The release's PNGs are what VistasPanopticDataset reads: they are checked, not copied. Writes

  vistas_panoptic_{train,val}.json

with the names of the images as they are on disk and with sizes, areas and boxes as measured; 37
thing and 28 stuff classes, Unlabeled is void. `instances`, `labels` and config.json are not needed.

    python tools/dataset_converters/vistas.py data/vistas
"""

import argparse

from einet_tools.arguments import parse_root_and_splits

SPLITS = ('train', 'val')


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    return parse_root_and_splits(argv, __doc__, 'folder of training and validation', SPLITS)


if __name__ == '__main__':
    # --help and mistakes are answered before the imports, which take seconds.
    parse_args()

from einet.datasets.conversion.command import run_splits
from einet.datasets.conversion.vistas import convert_vistas


def main(argv: list[str] | None = None) -> None:
    """Write the splits, or the parts of them that are missing."""
    args = parse_args(argv)
    options = dict(workers=args.workers, overwrite=args.overwrite)
    run_splits(args.splits, lambda name: convert_vistas(args.root, name, **options))


if __name__ == '__main__':
    main()
