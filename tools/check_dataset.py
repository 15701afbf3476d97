"""Check the data sets of a config before hours are spent on training.

Reads the annotation files and every image and PNG, and reports all errors (training stops, or
labels or scores are wrong) and warnings, with what to do. Nothing is changed.

    python tools/check_dataset.py configs/einet_r50_coco.py --data-root data/coco

Exit code: 0 without errors, 1 with errors, 2 when the check cannot be run.
"""

import argparse
import importlib.util
import json
import sys
from collections.abc import Sequence
from pathlib import Path

if importlib.util.find_spec('einet') is None:
    sys.exit('einet is not installed in this environment: run `pip install -e .` in the project.')

from einet_tools.arguments import add_common_arguments
from einet_tools.cores import allowed_cores

SPLITS = ('train', 'val', 'test')


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common_arguments(parser)
    parser.add_argument(
        '--split', nargs='+', choices=SPLITS, help='what to check (default: all of the config)'
    )
    parser.add_argument(
        '--workers',
        type=int,
        default=len(allowed_cores()),
        help='processes that read images (default: one per CPU core, here %(default)s)',
    )
    parser.add_argument(
        '--max-lines',
        type=int,
        default=10,
        help='findings of a kind to list, 0 = all (%(default)s)',
    )
    parser.add_argument(
        '--report', type=Path, metavar='FILE.json', help='also write all findings to a file'
    )
    parser.add_argument(
        '--fix-areas',
        type=Path,
        metavar='NEW.json',
        help='write a copy of the annotation file with areas and boxes as the PNGs have them; '
        'one split only; the file must not exist',
    )
    parser.add_argument(
        '--drop-missing-segments',
        action='store_true',
        help='leave segments without a pixel in the PNG out of NEW.json',
    )
    args = parser.parse_args(argv)
    if args.workers < 1:
        parser.error(f'--workers {args.workers}: at least one process is needed')
    if args.max_lines < 0:
        parser.error(f'--max-lines {args.max_lines}: give 0 (all) or more')
    if args.drop_missing_segments and args.fix_areas is None:
        parser.error('--drop-missing-segments needs --fix-areas NEW.json to write to')
    if args.fix_areas is not None and args.fix_areas.exists():
        parser.error(f'--fix-areas {args.fix_areas}: the file exists; give a new name')
    return args


if __name__ == '__main__':
    # --help and mistakes are answered before the imports, which take seconds.
    parse_args()

from mmengine.registry import init_default_scope

from einet.datasets.rules import Severity
from einet.datasets.validation import (
    Source,
    SourceReport,
    check_sources,
    count_findings,
    find_sources,
    json_report,
    repair_areas,
    text_report,
)
from einet.structures.files import write_new
from einet.utils import load_config


def check_outputs(args: argparse.Namespace, sources: Sequence[Source]) -> None:
    """Refuse, before the long part, to write where nothing should be written."""
    if args.fix_areas is not None and len(sources) > 1:
        names = ' and '.join(source.name for source in sources)
        raise ValueError(
            f'--fix-areas corrects one annotation file, not those of {names}: use --split'
        )
    originals = {Path(source.dataset.ann_file).resolve() for source in sources}
    if args.report is not None and args.report.resolve() in originals:
        raise ValueError(f'--report {args.report} is the annotation file: give another name')


def repair(report: SourceReport, path: Path, drop_missing: bool) -> str:
    """Write the corrected annotation file; returns what was done, in words."""
    if report.content is None or 'annotations' not in report.content:
        return f'{path} was not written: there are no annotations to correct'
    repaired = repair_areas(report.content, report.pixels, drop_missing)
    write_new(path, json.dumps(repaired.content).encode())
    return (
        f'{path}: {repaired.changed} segments corrected, {repaired.dropped} left out, '
        f'{repaired.untouched} annotations without a readable PNG left as they were. '
        f'To use it, set ann_file in the config'
    )


def main(argv: list[str] | None = None) -> int:
    """Check; returns the exit code."""
    args = parse_args(argv)
    try:
        config = load_config(args)
        init_default_scope(config.get('default_scope', 'mmdet'))
        sources = find_sources(config, args.split)
        check_outputs(args, sources)
    except (FileNotFoundError, KeyError, TypeError, ValueError) as error:
        print(f'{type(error).__name__}: {error}', file=sys.stderr)
        return 2
    try:
        found, reports = check_sources(config, sources, args.workers, args.fix_areas is not None)
    except RuntimeError as error:  # a process was killed
        print(error, file=sys.stderr)
        return 2
    print(text_report(found, reports, args.max_lines))
    if args.report is not None:
        args.report.parent.mkdir(parents=True, exist_ok=True)
        args.report.write_text(json.dumps(json_report(found, reports), indent=1))
        print(f'All findings are in {args.report}')
    if args.fix_areas is not None:
        print(repair(reports[0], args.fix_areas, args.drop_missing_segments))
    return 1 if count_findings(found, Severity.ERROR) else 0


if __name__ == '__main__':
    sys.exit(main())
