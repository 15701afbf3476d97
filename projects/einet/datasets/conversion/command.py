"""What the converters share as commands: options, errors, exit status."""

import argparse
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

_MAX_ERRORS_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what all converters have: ``--workers`` and ``--overwrite``."""
    cores = len(os.sched_getaffinity(0))
    parser.add_argument(
        '--workers', type=int, default=min(8, cores), help='processes (%(default)s)'
    )
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='convert all images anew and replace files of other content; without it, finished '
        'images are checked and kept',
    )


def parse_root_and_splits(
    argv: list[str] | None, description: str | None, root_help: str, splits: Iterable[str]
) -> argparse.Namespace:
    """Read the command line of a converter of a published data set.

    Args:
        argv: Arguments; those of the process when None.
        description: Text of ``--help``, as it is printed.
        root_help: What the folder holds.
        splits: Splits that can be converted.

    Returns:
        ``root``, ``splits``, ``workers`` and ``overwrite``.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('root', type=Path, help=root_help)
    parser.add_argument(
        '--splits', nargs='+', choices=splits, default=['train', 'val'], help='train and val'
    )
    add_arguments(parser)
    return parser.parse_args(argv)


def run_splits(names: Iterable[str], convert: Callable[[str], bool]) -> None:
    """Convert several splits; end the program with status 1 when something was wrong.

    Args:
        names: Splits.
        convert: Converts the split of a name; says whether all went well, or raises OSError,
            RuntimeError or ValueError.
    """
    try:
        done = [convert(name) for name in names]
    except (OSError, RuntimeError, ValueError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit('\nInterrupted. The same command goes on from here.')
    if not all(done):
        sys.exit(1)


def report_errors(errors: list[str], total: int) -> None:
    """Print what is wrong, the first lines of it.

    Args:
        errors: One per image that failed.
        total: Number of images.
    """
    print(f'{len(errors)} of {total} images failed:')
    for error in errors[:_MAX_ERRORS_SHOWN]:
        print(f'  {error}')
    if len(errors) > _MAX_ERRORS_SHOWN:
        print(f'  and {len(errors) - _MAX_ERRORS_SHOWN} more')
    print('Put these right and call the same command again: the others are kept.', flush=True)
