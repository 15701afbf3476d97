"""Which sample is drawn next, and its random numbers, as functions of the position alone.

A training's data are one endless sequence of draws, the same for any number of ranks and workers.
The random numbers of a draw (scale, crop, flip, blur) follow from the seed and its position, so
the sequence can be entered anywhere.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from mmdet.registry import DATA_SAMPLERS, DATASETS
from mmengine.dataset import InfiniteSampler


def seed_random_state(*key: int) -> None:
    """Set the random state of Python, NumPy and torch.

    Args:
        *key: Numbers >= 0 from which the state follows.
    """
    state = np.random.SeedSequence(key).generate_state(4)
    number = int(state.view(np.uint64)[0])
    random.seed(number)
    np.random.seed(state)
    # torch.manual_seed takes much longer where there is no GPU yet, as in a worker.
    torch.default_generator.manual_seed(number)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(number)


class Draw(int):
    """A sample's index that knows when it was drawn.

    Attributes:
        key: The sampler's seed, and the draw's position in the sequence.
    """

    key: tuple[int, int]

    def __new__(cls, index: int, key: tuple[int, int]) -> Draw:
        """An index with its key."""
        draw = super().__new__(cls, index)
        draw.key = key
        return draw

    def __getnewargs__(self) -> tuple[int, tuple[int, int]]:
        """What a worker makes its copy from."""
        return int(self), self.key


@DATA_SAMPLERS.register_module()
class ResumableSampler(InfiniteSampler):
    """mmengine's endless sampler, but any position is reached in the time of one epoch's shuffle.

    Every epoch has an order of its own, which follows from the seed and the number of the epoch.
    Rank r of W takes positions r, r + W, r + 2W and so on, so the images of a step depend on the
    batch over all ranks, not on how it is spread. The arguments are those of
    :class:`InfiniteSampler`.
    """

    start = 0

    def __iter__(self) -> Iterator[Draw]:
        """Draws of this rank from the position that was skipped to."""
        epoch, order = -1, np.empty(0, int)
        position = self.start * self.world_size + self.rank
        while True:
            if epoch != position // self.size:
                epoch = position // self.size
                order = np.arange(self.size)
                if self.shuffle:
                    order = np.random.default_rng((self.seed, epoch)).permutation(self.size)
            yield Draw(order[position % self.size], (self.seed, position))
            position += self.world_size

    def skip(self, num_samples: int) -> None:
        """Begin the next iteration at a later position.

        Args:
            num_samples: Samples of this rank to leave out, counted from the first.
        """
        self.start = num_samples


@DATASETS.register_module()
class SeededDataset:
    """A data set whose random transforms follow from the draw, whoever makes it, and when.

    Everything else is the inner data set's.

    Args:
        dataset: Data set, or its config. Indices that are no :class:`Draw` are not seeded.
    """

    def __init__(self, dataset: Any) -> None:
        self.dataset = DATASETS.build(dataset) if isinstance(dataset, dict) else dataset

    def __getitem__(self, index: int) -> Any:
        """The sample, transformed."""
        if isinstance(index, Draw):
            seed_random_state(*index.key)
        return self.dataset[int(index)]

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.dataset)

    def __getattr__(self, name: str) -> Any:
        """What else the inner data set has."""
        if name == 'dataset':  # a copy that is not filled yet
            raise AttributeError(name)
        return getattr(self.dataset, name)
