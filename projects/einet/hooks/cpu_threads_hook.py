"""On a CPU, as many threads as there are cores that no other program keeps busy."""

from __future__ import annotations

import os
import time
from typing import Any

import torch
from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import Runner

from einet_tools.cores import allowed_cores

from ..structures.cores import CoreUsage, core_usage, usable_cores


@HOOKS.register_module()
class CPUThreadsHook(Hook):
    """Leave the cores alone that other programs keep busy, and take them back when they are idle.

    A thread that finishes its share of a loop spins until the others have. When another program
    is busy, that takes the core from the very thread that is waited for: a step of the demo takes
    several times as long, see ``benchmarks/neighbors.py``.

    Sums of floats depend on the number of threads in their last bits. So nothing is changed where
    ``OMP_NUM_THREADS`` says how many there are, nor with deterministic algorithms, several ranks
    or a model on an accelerator.

    Args:
        interval: Seconds between two looks at what other programs do.
    """

    def __init__(self, interval: float = 5.0) -> None:
        self.interval = interval
        self.most = 0  # Threads of an idle machine; 0 where nothing is to be changed.
        self.usage: CoreUsage

    def before_run(self, runner: Runner) -> None:
        """Decide whether the number of threads is ours to choose."""
        parameter = next(runner.model.parameters(), None)
        fixed = (
            'OMP_NUM_THREADS' in os.environ
            or torch.are_deterministic_algorithms_enabled()
            or runner.distributed
            or parameter is None
            or parameter.device.type != 'cpu'
        )
        self.most = 0 if fixed else torch.get_num_threads()
        if self.most:
            self.usage = core_usage()

    def after_run(self, runner: Runner) -> None:
        """Leave the process with the threads that it had."""
        if self.most:
            torch.set_num_threads(self.most)

    def _after_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        if not self.most or time.monotonic() < self.usage.time + self.interval:
            return
        before, self.usage = self.usage, core_usage()
        free = usable_cores(before, self.usage)
        threads = min(self.most, max(1, round(free)))
        if threads != torch.get_num_threads():
            torch.set_num_threads(threads)
            runner.logger.info(
                f'Other programs leave {free:.1f} of {len(allowed_cores())} cores: '
                f'{threads} threads from here on.'
            )
