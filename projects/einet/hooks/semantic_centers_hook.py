"""Keeps Q, the dictionary of semantic centers, up to date during training."""

from __future__ import annotations

import torch
from mmdet.registry import HOOKS
from mmengine.hooks import EMAHook, Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import Tensor, nn

from ..models.semantic_centers import SemanticCenters


@HOOKS.register_module()
class SemanticCentersHook(Hook):
    """Commit Q once per optimizer step, over all ranks and accumulated batches, Eq. (3).

    Logs ``centers_seen`` (categories seen so far), ``centers_moved`` (mean distance of this
    step's update) and the largest cosine between two different centers, ``centers_cosine_things``
    of things and ``centers_cosine`` of all; -1 before two have been seen. Centers that point the
    same way cannot tell their categories apart, so that is worth a warning.

    Args:
        max_cosine: Cosine above which two centers count as one.
        patience: Optimizer steps that two centers stay above it before the (only) warning.

    With an EMAHook, the averaged model's Q starts at a category's first value, not at zero.

    Raises:
        RuntimeError: Before training, if the model holds no :class:`SemanticCenters`.
    """

    priority = 'ABOVE_NORMAL'  # before an EMAHook, which copies or averages what is committed

    def __init__(self, max_cosine: float = 0.98, patience: int = 500) -> None:
        self.max_cosine = max_cosine
        self.patience = patience
        self.has_warned = False

    def before_train(self, runner: Runner) -> None:
        """Find the model's centers."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        self.centers = _find_centers(model)
        if not self.centers:
            raise RuntimeError(
                f'SemanticCentersHook: {type(model).__name__} has no SemanticCenters; remove the '
                'hook from custom_hooks, or use a model with an InteractionHead'
            )
        self.steps_above = [torch.zeros_like(c.cosines(), dtype=torch.long) for c in self.centers]
        self.averaged = [
            _find_centers(hook.ema_model) for hook in runner.hooks if isinstance(hook, EMAHook)
        ]

    def after_train_iter(self, runner: Runner, *_args: object, **_kwargs: object) -> None:
        """Commit when the optimizer has stepped; else leave the sums for the next iteration."""
        if not runner.optim_wrapper.should_update():
            for centers in self.centers:
                centers.keep_staged()
            return
        for centers, steps_above in zip(self.centers, self.steps_above, strict=True):
            moved = centers.commit()
            cosines = centers.cosines()
            things = cosines[: centers.num_things_classes, : centers.num_things_classes]
            runner.message_hub.update_scalars(
                {
                    'train/centers_seen': int(centers.seen.sum()),
                    'train/centers_moved': moved.item(),
                    'train/centers_cosine_things': things.max().item(),
                    'train/centers_cosine': cosines.max().item(),
                }
            )
            steps_above += 1
            steps_above *= cosines > self.max_cosine
            self._warn_of_one_center(runner, steps_above)
        for averaged in self.averaged:
            for average, centers in zip(averaged, self.centers, strict=True):
                average.follow(centers)

    def _warn_of_one_center(self, runner: Runner, steps_above: Tensor) -> None:
        """Warn, once per training, of two centers that have stayed together."""
        if self.has_warned or steps_above.max() < self.patience:
            return
        self.has_warned = True
        first, second = divmod(int(steps_above.argmax()), len(steps_above))
        classes = runner.train_dataloader.dataset.metainfo.get('classes', range(len(steps_above)))
        runner.logger.warning(
            f'The semantic centers of {classes[first]!r} and {classes[second]!r} have had a cosine '
            f'above {self.max_cosine} for {self.patience} steps, so the interaction cannot tell '
            "these classes apart. Set model.interaction.instances='own', give "
            'model.criterion.losses.consistency a larger loss_weight or, where the two never share '
            "an image, categories='nearest', or switch the interaction off with "
            'model.interaction.sem_aug=False'
        )


def _find_centers(model: nn.Module) -> list[SemanticCenters]:
    return [module for module in model.modules() if isinstance(module, SemanticCenters)]
