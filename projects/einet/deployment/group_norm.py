"""Group norm as ONNX Runtime computes it well.

It sums a group in one go, in float32: with a mean of 100 standard deviations over 300,000 values it
is off by 2e-4, PyTorch by 1e-5, and a network of fifty such layers, on a nearly black image, by
several hundredths. Sums over one axis after the other are as good as PyTorch's.

Shape shorthand:
    B: images of a batch
    C: channels
    h, w: map
"""

from __future__ import annotations

import copy
from typing import TypeVar

from torch import Tensor, nn

Model = TypeVar('Model', bound=nn.Module)


class StepwiseGroupNorm(nn.Module):
    """A trained group norm whose means are taken over columns, then rows, then channels.

    Args:
        norm: What it stands for; the parameters are shared.
    """

    def __init__(self, norm: nn.GroupNorm) -> None:
        super().__init__()
        self.num_groups, self.eps = norm.num_groups, norm.eps
        self.weight, self.bias = norm.weight, norm.bias

    def forward(self, features: Tensor) -> Tensor:
        """Normalize (B, C, h, w)."""
        groups = features.unflatten(1, (self.num_groups, -1))
        centered = groups - _mean(groups)
        normalized = centered * (_mean(centered.square()) + self.eps).rsqrt()
        normalized = normalized.flatten(1, 2)
        if self.weight is None:
            return normalized
        return normalized * self.weight[:, None, None] + self.bias[:, None, None]


def with_stepwise_group_norms(model: Model) -> Model:
    """A copy of a model, with every group norm replaced."""
    model = copy.deepcopy(model)
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.GroupNorm):
                setattr(module, name, StepwiseGroupNorm(child))
    return model


def _mean(groups: Tensor) -> Tensor:
    """Means of groups (B, G, C / G, h, w), as (B, G, 1, 1, 1)."""
    return groups.mean(-1, keepdim=True).mean(-2, keepdim=True).mean(-3, keepdim=True)
