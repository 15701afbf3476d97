"""Whether a long training keeps its memory and its open files.

python benchmarks/soak.py configs/einet_tiny_shapes.py --work-dir work_dirs/soak
python benchmarks/soak.py CONFIG --iterations 3000 --cfg-options train_dataloader.batch_size=1

Trains without validation, and reads the resident memory and the file descriptors of the process
and its workers after 500 iterations and at the end. Ends with 1 when memory has grown by 2 % or
more, or descriptors have become more.
"""

import argparse
import os
import sys
from typing import NamedTuple

import psutil
from mmengine.hooks import Hook
from mmengine.runner import Runner

from einet.utils import load_config
from einet_tools.arguments import add_common_arguments

FIRST = 500


class Usage(NamedTuple):
    """What the process and its workers hold.

    Attributes:
        memory: Resident memory in MiB; what processes share counts in each.
        descriptors: Open file descriptors.
    """

    memory: float
    descriptors: int


def usage() -> Usage:
    """Read it now."""
    processes = [own := psutil.Process(os.getpid()), *own.children(recursive=True)]
    return Usage(
        sum(process.memory_info().rss for process in processes) / 2**20,
        sum(process.num_fds() for process in processes),
    )


class Soak(Hook):
    """Reads the usage every 500 iterations."""

    priority = 'LOWEST'

    def __init__(self) -> None:
        self.seen: list[Usage] = []

    def after_train_iter(self, runner: Runner, batch_idx: int, *_args: object, **_: object) -> None:
        """Read and print."""
        if (batch_idx + 1) % FIRST == 0:
            self.seen.append(usage())
            now = self.seen[-1]
            print(
                f'{batch_idx + 1}: {now.memory:.1f} MiB, {now.descriptors} descriptors', flush=True
            )


def main() -> None:
    """Train and compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common_arguments(parser)
    parser.add_argument('--iterations', type=int, default=3000, help='a multiple of 500')
    parser.add_argument('--work-dir', help='folder for logs and checkpoints')
    args = parser.parse_args()
    config = load_config(args)
    config.train_cfg.max_iters = args.iterations
    config.val_cfg = config.val_dataloader = config.val_evaluator = None
    config.default_hooks.checkpoint.save_best = None
    runner, soak = Runner.from_cfg(config), Soak()
    runner.register_hook(soak)
    runner.train()
    first, last = soak.seen[0], soak.seen[-1]
    growth = last.memory / first.memory - 1
    more = last.descriptors - first.descriptors
    print(
        f'from iteration {FIRST} to {args.iterations}: memory {growth:+.2%}, descriptors {more:+d}'
    )
    sys.exit(growth >= 0.02 or more > 0)


if __name__ == '__main__':
    main()
