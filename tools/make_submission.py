r"""Check predictions against the published format of a test server, and zip them.

First write them, on the test images and without ground truth:

    python tools/test.py configs/einet_x71_coco_ft-1025_test-dev.py CHECKPOINT
    python tools/test.py configs/einet_x71_cityscapes_test.py CHECKPOINT

then, with the prefix of what was written and the JSON that lists the images:

    python tools/make_submission.py coco work_dirs/coco_test-dev/results \
        --images data/coco/annotations/image_info_test-dev2017.json --algorithm einet-x71
    python tools/make_submission.py cityscapes-panoptic work_dirs/cityscapes_test/results \
        --images data/cityscapes/gtFine/cityscapes_panoptic_test.json

docs/metrics.md has the steps for each server.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

SERVERS = ('coco', 'cityscapes-panoptic', 'cityscapes-instance', 'cityscapes-semantic')


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('server', choices=SERVERS, help='which server, and which of its tasks')
    parser.add_argument('prefix', help='what test_evaluator.outfile_prefix was')
    parser.add_argument(
        '--images', type=Path, required=True, help='annotation file that lists the test images'
    )
    parser.add_argument(
        '--algorithm', default='einet', help="name in COCO's file names (default einet)"
    )
    parser.add_argument(
        '--testset',
        default='test-dev2017',
        help="split in COCO's file names (default test-dev2017)",
    )
    parser.add_argument('--out-dir', type=Path, help='folder of the zip (default: that of prefix)')
    args = parser.parse_args(argv)
    if not args.images.is_file():
        parser.error(f'there is no image list {args.images}')
    return args


if __name__ == '__main__':
    # --help and mistakes are answered before the imports, which take seconds.
    parse_args()

from einet.datasets import Coco2017PanopticDataset
from einet.evaluation.submission import (
    ImageList,
    Submission,
    instance_submission,
    panoptic_submission,
    read_image_list,
    semantic_submission,
    write_zip,
)

SHOWN = 20


def cityscapes_categories(images: ImageList, things_only: bool) -> ImageList:
    """The list with the label ids that Cityscapes evaluates, whatever ids its JSON has."""
    from cityscapesscripts.helpers.labels import labels

    evaluated = [label for label in labels if not label.ignoreInEval]
    kept = [label for label in evaluated if label.hasInstances or not things_only]
    return replace(images, categories={label.id: label.name for label in kept})


def collect(args: argparse.Namespace) -> tuple[str, Submission]:
    """Name of the zip without its ending, and what goes into it."""
    images = read_image_list(args.images)
    if args.server == 'coco':
        name = f'panoptic_{args.testset}_{args.algorithm}_results'
        # COCO's list of test images has detection's categories.
        panoptic = Coco2017PanopticDataset.panoptic_categories()
        images = replace(images, categories={c['id']: c['name'] for c in panoptic})
        return name, panoptic_submission(args.prefix, images, name)
    images = cityscapes_categories(images, things_only=args.server == 'cityscapes-instance')
    if args.server == 'cityscapes-panoptic':
        return 'cityscapes_panoptic_test', panoptic_submission(
            args.prefix, images, 'cityscapes_panoptic_test'
        )
    if args.server == 'cityscapes-instance':
        return 'cityscapes_instance_test', instance_submission(args.prefix, images)
    return 'cityscapes_semantic_test', semantic_submission(args.prefix, images)


def main(argv: list[str] | None = None) -> None:
    """Check and zip."""
    args = parse_args(argv)
    try:
        name, submission = collect(args)
        if not submission.problems:
            path = (args.out_dir or Path(args.prefix).parent) / f'{name}.zip'
            write_zip(path, submission.entries)
    except (OSError, ValueError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
    if submission.problems:
        for problem in submission.problems[:SHOWN]:
            print(problem, file=sys.stderr)
        sys.exit(f'{len(submission.problems)} problems; no zip was written')
    print(f'{len(submission.entries)} files, all as the server asks for: {path}')


if __name__ == '__main__':
    main()
