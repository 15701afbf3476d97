"""Q, the dictionary of semantic centers: the method's only state that is not a parameter.

Shape shorthand:
    C: categories, things first
    D: embedding width
"""

from __future__ import annotations

import torch
from mmdet.registry import MODELS
from mmengine import dist
from mmengine.model import BaseModule
from torch import Tensor

from ..functional.interaction import unit, update_centers


@MODELS.register_module()
class SemanticCenters(BaseModule):
    """Dataset-wide center embedding of every semantic category, Eq. (3).

    Q changes once per optimizer step. A training forward only *stages* the sums of Eq. (3);
    :class:`einet.hooks.SemanticCentersHook` adds them up over ranks and *commits* them. Gradient
    accumulation and several ranks therefore give the same Q as one large batch does.

    Everything is kept in float32. Q and what has been seen live in the checkpoint; the staged sums
    belong to one step and do not: after a resume within an accumulation window they are lost
    together with the gradients that they go with, which no checkpoint holds either.

    Args:
        num_classes: C, things first.
        embed_dims: D.
        num_things_classes: C_th.
        momentum: mu, the share of the old center that stays, in [0, 1].
        normalize: Divide Eq. (3)'s sum by the sum of its weights (default). ``False`` is the
            printed equation, whose update grows with the number of instances.
    """

    centers: Tensor
    seen: Tensor
    staged_numerator: Tensor
    staged_denominator: Tensor

    def __init__(
        self,
        num_classes: int,
        embed_dims: int,
        num_things_classes: int,
        momentum: float = 0.9,
        normalize: bool = True,
    ) -> None:
        super().__init__()
        if not 0 <= momentum <= 1:
            raise ValueError(f'SemanticCenters: momentum must lie in [0, 1], got {momentum}')
        self.num_things_classes = num_things_classes
        self.momentum = momentum
        self.normalize = normalize
        self.register_buffer('centers', torch.zeros(num_classes, embed_dims))
        self.register_buffer('seen', torch.zeros(num_classes, dtype=torch.bool))
        sums = {
            'staged_numerator': torch.zeros(num_classes, embed_dims),
            'staged_denominator': torch.zeros(num_classes),
        }
        for name, zeros in sums.items():
            self.register_buffer(name, zeros, persistent=False)
        self._awaits_commit = False

    def updated(self, numerator: Tensor, denominator: Tensor) -> Tensor:
        """Q after one more update, differentiable; the stored Q stays as it is.

        Args:
            numerator: (..., C, D) weighted sums of Eq. (3).
            denominator: (..., C) sums of the weights; 0 where a category is absent.

        Returns:
            (..., C, D) float32.
        """
        return update_centers(
            self.centers, self.seen, numerator, denominator, self.momentum, self.normalize
        )

    @torch.no_grad()
    def stage(self, numerator: Tensor, denominator: Tensor) -> None:
        """Add one forward's sums, (C, D) and (C,), to those that wait for the next commit.

        Raises:
            RuntimeError: Nobody handled the previous forward's sums.
        """
        if self._awaits_commit:
            raise RuntimeError(
                'SemanticCenters: the previous training step was never committed, so Q would stay '
                "frozen. Add custom_hooks=[dict(type='SemanticCentersHook')] to the config, or "
                'call SemanticCenters.commit() after every optimizer step of your own loop.'
            )
        self.staged_numerator += numerator
        self.staged_denominator += denominator
        self._awaits_commit = True

    def keep_staged(self) -> None:
        """Say that the staged sums belong to a step that is not complete (accumulation)."""
        self._awaits_commit = False

    @torch.no_grad()
    def commit(self) -> Tensor:
        """Turn the sums staged since the last commit, over all ranks, into one EMA step.

        A category whose sums are not finite, as after an overflow in float16, keeps its center.

        Returns:
            Mean distance by which the centers that were updated moved; a float32 scalar.
        """
        sums = torch.cat([self.staged_numerator, self.staged_denominator[:, None]], dim=1)
        dist.all_reduce(sums, op='sum')
        sums = torch.where(sums.isfinite().all(dim=1, keepdim=True), sums, 0.0)
        numerator, denominator = sums[:, :-1], sums[:, -1]
        centers = self.updated(numerator, denominator)
        present = denominator > 0
        moved = (centers - self.centers).norm(dim=1)[present].sum() / present.sum().clamp(min=1)
        self.centers.copy_(centers)
        self.seen |= present
        self.staged_numerator.zero_()
        self.staged_denominator.zero_()
        self._awaits_commit = False
        return moved

    @torch.no_grad()
    def follow(self, other: SemanticCenters) -> None:
        """Take from a model in training what this average over its steps cannot have right.

        For a category that appears later the average would begin at zero, and what has been seen
        is no number to be averaged.

        Args:
            other: Centers of the model in training.
        """
        new = other.seen & ~self.seen
        self.centers[new] = other.centers[new].to(self.centers.device)
        self.seen.copy_(other.seen)

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args: object) -> None:
        """Leave out the staged sums that older checkpoints hold."""
        for name in ('staged_numerator', 'staged_denominator'):
            state_dict.pop(prefix + name, None)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def cosines(self) -> Tensor:
        """Cosine between every two different centers.

        Returns:
            (C, C) float32 in [-1, 1]; -1 on the diagonal and where a center has not been seen.
        """
        directions = unit(self.centers)
        is_pair = self.seen[:, None] & self.seen
        is_pair.fill_diagonal_(False)
        return torch.where(is_pair, directions @ directions.t(), -1.0)
