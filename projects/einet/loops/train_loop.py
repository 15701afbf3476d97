"""A training that goes on after an interruption as if there had been none."""

from __future__ import annotations

from typing import Any

from mmdet.registry import LOOPS
from mmengine.dist import get_rank
from mmengine.runner import IterBasedTrainLoop, Runner
from torch import nn
from torch.utils.data import DataLoader

from ..datasets.draws import ResumableSampler, SeededDataset, seed_random_state


@LOOPS.register_module()
class ResumableTrainLoop(IterBasedTrainLoop):
    """mmengine's loop by iterations, whose random numbers follow from the seed and the iteration.

    * Samples and their augmentation follow from their position, see :mod:`einet.datasets.draws`.
    * Python's, NumPy's and torch's random state is set before every iteration.
    * A validation that is due at the iteration of a resume is made: the training may have been
      interrupted in it.

    So no random state is saved, and a resume reads no data to find its place.

    Args:
        runner: The Runner.
        dataloader: The training data's; its sampler should be a :class:`ResumableSampler`.
        **kwargs: See :class:`IterBasedTrainLoop`: ``max_iters``, ``val_begin``, ``val_interval``
            and ``dynamic_intervals``.
    """

    def __init__(self, runner: Runner, dataloader: DataLoader | dict, **kwargs: Any) -> None:
        if isinstance(dataloader, dict):
            dataset = dict(type=SeededDataset, dataset=dataloader['dataset'])
            dataloader = {**dataloader, 'dataset': dataset}
        super().__init__(runner, dataloader, **kwargs)
        if not isinstance(self.dataloader.sampler, ResumableSampler):
            runner.logger.warning(
                f'A resumed training will not see the augmentation that it would have seen: set '
                f'train_dataloader.sampler.type=ResumableSampler in place of '
                f'{type(self.dataloader.sampler).__name__}'
            )

    def run(self) -> nn.Module:
        """Train."""
        runner = self.runner
        runner.call_hook('before_train')
        runner.call_hook('before_train_epoch')
        # The checkpoint's after a resume, whatever the config has.
        self.seed = runner.seed
        if runner._randomness_cfg.get('diff_rank_seed', False):
            self.seed -= get_rank()
        self.dataloader.sampler.seed = self.seed
        self.dataloader_iterator.skip_iter(self._iter)
        if self._iter:
            self._validate_if_due()
        while self._iter < self._max_iters and not self.stop_training:
            runner.model.train()
            self.run_iter(next(self.dataloader_iterator))
            self._validate_if_due()
        runner.call_hook('after_train_epoch')
        runner.call_hook('after_train')
        return runner.model

    def run_iter(self, data_batch: Any) -> None:
        """Train one batch.

        Args:
            data_batch: What the model takes.
        """
        seed_random_state(self.seed, get_rank(), self._iter)
        super().run_iter(data_batch)

    def _validate_if_due(self) -> None:
        self._decide_current_val_interval()
        is_due = self._iter % self.val_interval == 0 or self._iter == self._max_iters
        if self.runner.val_loop is not None and self._iter >= self.val_begin and is_due:
            self.runner.val_loop.run()
