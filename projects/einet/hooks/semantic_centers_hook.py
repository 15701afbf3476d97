"""Keeps Q, the dictionary of semantic centers, up to date during training."""

from __future__ import annotations

from mmdet.registry import HOOKS
from mmengine.hooks import EMAHook, Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn

from ..models.semantic_centers import SemanticCenters


@HOOKS.register_module()
class SemanticCentersHook(Hook):
    """Commit Q once per optimizer step, over all ranks and accumulated batches, Eq. (3).

    Logs ``centers_seen`` (categories seen so far), ``centers_moved`` (mean distance of this
    step's update) and ``centers_cosine`` (mean cosine between different centers).

    With an EMAHook, the averaged model's Q starts at a category's first value, not at zero.

    Raises:
        RuntimeError: before training, if the model holds no :class:`SemanticCenters`.
    """

    priority = 'ABOVE_NORMAL'  # before an EMAHook, which copies or averages what is committed

    def before_train(self, runner: Runner) -> None:
        """Find the model's centers."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        self.centers = _find_centers(model)
        if not self.centers:
            raise RuntimeError(
                f'SemanticCentersHook: {type(model).__name__} has no SemanticCenters; remove the '
                'hook from custom_hooks, or use a model with an InteractionHead'
            )
        self.averaged = [
            _find_centers(hook.ema_model) for hook in runner.hooks if isinstance(hook, EMAHook)
        ]

    def after_train_iter(self, runner: Runner, *_args: object, **_kwargs: object) -> None:
        """Commit when the optimizer has stepped; else leave the sums for the next iteration."""
        if not runner.optim_wrapper.should_update():
            for centers in self.centers:
                centers.keep_staged()
            return
        for centers in self.centers:
            moved = centers.commit()
            runner.message_hub.update_scalars(
                {
                    'train/centers_seen': int(centers.seen.sum()),
                    'train/centers_moved': moved.item(),
                    'train/centers_cosine': centers.mean_cosine().item(),
                }
            )
        for averaged in self.averaged:
            for average, centers in zip(averaged, self.centers, strict=True):
                average.follow(centers)


def _find_centers(model: nn.Module) -> list[SemanticCenters]:
    return [module for module in model.modules() if isinstance(module, SemanticCenters)]
