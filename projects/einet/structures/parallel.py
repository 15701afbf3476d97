"""One function over many files, in several processes."""

import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from .threads import one_opencv_thread


def run_parallel(
    function: Callable[[Any], Any], tasks: Iterable[Any], workers: int
) -> Iterator[Any]:
    """Call a function for each task.

    Args:
        function: Function of a module, or a partial of one, because other processes call it.
        tasks: Its arguments.
        workers: Number of processes; 1 is this one.

    Yields:
        Its results in the tasks' order.

    Raises:
        RuntimeError: A process was killed.
    """
    if workers <= 1:
        yield from map(function, tasks)
        return
    with one_opencv_thread(), ProcessPoolExecutor(workers, initializer=_ignore_interrupts) as pool:
        try:
            yield from pool.map(function, tasks)
        except BrokenProcessPool as error:
            raise RuntimeError(
                '\na process was killed, most likely because memory ran out; call the same command '
                'with fewer --workers'
            ) from error


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends all
