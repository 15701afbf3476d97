"""What all converters share on the command line: options, processes, errors, exit status."""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import cv2

MAX_ERRORS_SHOWN = 20


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


def run_splits(names: Iterable[str], convert_one: Callable[[str], bool]) -> None:
    """Convert several splits; end the program with status 1 when something was wrong.

    Args:
        names: of the splits.
        convert_one: converts the split of a name; says whether all went well, or raises OSError,
            RuntimeError or ValueError.
    """
    try:
        done = [convert_one(name) for name in names]
    except (OSError, RuntimeError, ValueError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit('\nInterrupted. The same command goes on from here.')
    if not all(done):
        sys.exit(1)


def run_parallel(
    function: Callable[[Any], Any], tasks: Iterable[Any], workers: int
) -> Iterator[Any]:
    """Results of `function` in the tasks' order; in this process when `workers` is 1.

    Raises:
        RuntimeError: when a process was killed.
    """
    if workers <= 1:
        yield from map(function, tasks)
        return
    with ProcessPoolExecutor(workers, initializer=_begin_worker) as pool:
        try:
            yield from pool.map(function, tasks)
        except BrokenProcessPool as error:
            raise RuntimeError(
                '\na process was killed, most likely because memory ran out; call the same command '
                'with fewer --workers: what is finished is kept'
            ) from error


def report(errors: list[str], total: int) -> None:
    """Print what is wrong, the first lines of it."""
    print(f'{len(errors)} of {total} images failed:')
    for error in errors[:MAX_ERRORS_SHOWN]:
        print(f'  {error}')
    if len(errors) > MAX_ERRORS_SHOWN:
        print(f'  and {len(errors) - MAX_ERRORS_SHOWN} more')
    print('Put these right and call the same command again: the others are kept.', flush=True)


def _begin_worker() -> None:
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends all
