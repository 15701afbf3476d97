"""What other programs leave of the cores."""

from __future__ import annotations

import time
from typing import NamedTuple

import psutil

from einet_tools.cores import allowed_cores


class CoreUsage(NamedTuple):
    """Seconds since some start, at one moment.

    Attributes:
        time: That pass.
        busy: That the cores which this process may use have worked, together.
        own: That this process and its children have.
    """

    time: float
    busy: float
    own: float


def core_usage() -> CoreUsage:
    """Usage until now."""
    per_core = dict(enumerate(psutil.cpu_times(percpu=True)))
    # Some containers count cores in another way than their affinity; those that are not known
    # seem idle, so that nothing changes.
    busy = sum(_work(per_core[core]) for core in allowed_cores() if core in per_core)
    process = psutil.Process()
    times = process.cpu_times()
    own = times.user + times.system + times.children_user + times.children_system
    for child in process.children(recursive=True):
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:  # Ended meanwhile.
            continue
        own += times.user + times.system
    return CoreUsage(time.monotonic(), busy, own)


def usable_cores(before: CoreUsage, after: CoreUsage) -> float:
    """Cores that other programs did not keep busy between two moments, on average.

    Example:
        >>> free = usable_cores(CoreUsage(0, busy=100, own=10), CoreUsage(4, busy=107, own=14))
        >>> len(allowed_cores()) - free
        0.75
    """
    others = (after.busy - before.busy) - (after.own - before.own)
    return len(allowed_cores()) - max(0.0, others) / (after.time - before.time)


def _work(times: object) -> float:
    """Seconds of work in a core's times; waiting for disks is none."""
    return sum(getattr(times, name, 0.0) for name in ('user', 'nice', 'system', 'irq', 'softirq'))
