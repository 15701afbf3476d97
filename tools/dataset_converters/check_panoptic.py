#!/usr/bin/env python
r"""Checks a data set in COCO's panoptic format: the JSON, every picture and every PNG.

Looks for what costs a training run hours later: categories or segments that are incomplete or occur
twice, pictures and PNGs that are missing, damaged or of different sizes, ids that only the PNG has,
and segments that only the JSON has. Areas in the JSON are not looked at: nothing here uses them.
Nothing is written.

    python tools/dataset_converters/check_panoptic.py data/mine/annotations/panoptic_train.json \
        --images data/mine/train --seg data/mine/annotations/panoptic_train
"""

import argparse
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from converter_run import add_workers, report, run_parallel
from mmengine.utils import ProgressBar
from panoptic_files import check_picture, measure_annotation, read_json

from einet.datasets import PanopticDataset


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('json', type=Path, help='annotation file')
    parser.add_argument('--images', type=Path, required=True, help='folder of the pictures')
    parser.add_argument('--seg', type=Path, required=True, help='folder of the PNGs')
    add_workers(parser)
    return parser.parse_args(argv)


def read_entries(path: Path) -> list[dict[str, Any]]:
    """Data infos of the file, as a data set of its own categories gives them.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when something in it is wrong.
    """
    categories = read_json(path).get('categories', [])
    metainfo = dict(
        thing_classes=[c.get('name') for c in categories if c.get('isthing')],
        stuff_classes=[c.get('name') for c in categories if not c.get('isthing')],
    )
    dataset = PanopticDataset(ann_file=str(path), metainfo=metainfo, serialize_data=False)
    return dataset.data_list


def check(entry: dict[str, Any], images: Path, seg: Path) -> dict[str, int] | str:
    """Numbers of segments of one picture, or what is wrong with it."""
    try:
        picture = check_picture(images / entry['img_path'])
        if picture[1:] != (entry['width'], entry['height']):
            raise ValueError(
                f'the picture {picture.path} has {picture.width} x {picture.height} pixels, the '
                f'JSON says {entry["width"]} x {entry["height"]} (width x height)'
            )
        listed = dict(segments_info=entry['segments_info'])
        measured = measure_annotation(seg / entry['seg_map_path'], listed, picture)
    except (OSError, ValueError) as error:
        return str(error)
    found = measured['segments_info']
    return dict(
        things=sum(s['is_thing'] for s in found),
        crowds=sum(s['iscrowd'] for s in found),
        segments=len(found),
        empty=len(entry['segments_info']) - len(found),
    )


def main(argv: list[str] | None = None) -> None:
    """Check, and say what is wrong."""
    args = parse_args(argv)
    try:
        entries = read_entries(args.json)
        progress = ProgressBar(len(entries))
        results = []
        process = partial(check, images=args.images, seg=args.seg)
        for result in run_parallel(process, entries, args.workers):
            results.append(result)
            progress.update()
    except (OSError, RuntimeError, ValueError) as error:
        sys.exit(str(error))
    print(flush=True)
    errors = [result for result in results if isinstance(result, str)]
    if errors:
        report(errors, len(results))
        sys.exit(1)
    total = sum(map(Counter, results), Counter())
    print(
        f'{args.json}: {len(results)} pictures are in order; {total["segments"]} segments, '
        f'{total["things"]} of them things, {total["crowds"]} crowds'
    )
    if total['empty']:
        print(f'{total["empty"]} segments of the JSON have no pixel in their PNG; they are skipped')


if __name__ == '__main__':
    main()
