"""Registered losses: each holds a weight and the options of one function of ``functional``.

Shape shorthand:
    B: images of a batch
    C: categories, C_th of them things (first)
    K: most instances of an image
    N: pixels of one image
    D: embedding width
    h, w: map at stride 4
    H, W: size at which semantics are compared
"""

from typing import Any, Literal, get_args

from mmdet.registry import MODELS
from torch import Tensor, nn

from ..functional import losses as F
from ..functional import task_losses as T
from ..functional.parts import Parts
from .ranks import mean_over_ranks

Reduction = Literal['mean', 'sum']
Categories = Literal['present', 'nearest', 'seen']


def _check(loss: nn.Module, option: str, choices: Any) -> None:
    """Refuse a value of an option that its type, a Literal, does not list."""
    value, allowed = getattr(loss, option), get_args(choices)
    if value not in allowed:
        raise ValueError(
            f'{type(loss).__name__}: {option} must be {" or ".join(map(repr, allowed))}, '
            f'got {value!r}.'
        )


@MODELS.register_module()
class SemanticCenterLoss(nn.Module):
    """First line of Eq. 1, see :func:`einet.functional.losses.semantic_center_loss`."""

    def __init__(
        self,
        margin: float = 5.0,
        reduction: Reduction = 'mean',
        category_reduction: Reduction = 'mean',
        loss_weight: float = 0.01,
    ) -> None:
        super().__init__()
        self.margin = margin
        self.reduction = reduction
        _check(self, 'reduction', Reduction)
        self.category_reduction = category_reduction
        _check(self, 'category_reduction', Reduction)
        self.loss_weight = loss_weight

    def forward(self, embeddings: Parts, labels: Parts, centers: Tensor) -> Tensor:
        """Losses of images; S (B, N, D) and y (B, N), or parts of them, Q (B, C, D)."""
        return self.loss_weight * F.semantic_center_loss(
            embeddings, labels, centers, self.margin, self.reduction, self.category_reduction
        )


@MODELS.register_module()
class InstancePushLoss(nn.Module):
    """Second line of Eq. 1, see :func:`einet.functional.losses.instance_push_loss`."""

    def __init__(self, delta_d: float = 1.5, loss_weight: float = 0.01) -> None:
        super().__init__()
        self.delta_d = delta_d
        self.loss_weight = loss_weight

    def forward(self, instance_means: Tensor, visible: Tensor | None = None) -> Tensor:
        """Losses of images; E (B, K, D), and which are visible (B, K)."""
        return self.loss_weight * F.instance_push_loss(instance_means, self.delta_d, visible)


@MODELS.register_module()
class InstancePullLoss(nn.Module):
    """Third line of Eq. 1, see :func:`einet.functional.losses.instance_pull_loss`."""

    def __init__(self, delta_v: float = 0.5, loss_weight: float = 0.01) -> None:
        super().__init__()
        self.delta_v = delta_v
        self.loss_weight = loss_weight

    def forward(self, embeddings: Parts, segment_ids: Parts, instance_means: Tensor) -> Tensor:
        """Losses of images; I (B, N, D) and t (B, N), or parts of them, E (B, K, D)."""
        return self.loss_weight * F.instance_pull_loss(
            embeddings, segment_ids, instance_means, self.delta_v
        )


@MODELS.register_module()
class InstanceSemanticConsistencyLoss(nn.Module):
    """R_ins, see :func:`einet.functional.losses.instance_semantic_consistency_loss`.

    Args:
        alpha: Soft margin.
        categories: Whose centers an instance keeps away from: ``'present'``, those of its image, as
            printed; ``'nearest'``, those and the nearest other that the training has seen;
            ``'seen'``, all that it has seen. Categories that never share an image are kept apart by
            the last two alone.
        loss_weight: Factor of the loss.
    """

    def __init__(
        self,
        alpha: float = 0.15,
        categories: Categories = 'present',
        loss_weight: float = 0.01,
    ) -> None:
        super().__init__()
        self.alpha = alpha
        self.categories = categories
        _check(self, 'categories', Categories)
        self.loss_weight = loss_weight

    def forward(
        self,
        instance_means: Tensor,
        instance_labels: Tensor,
        centers: Tensor,
        present: Tensor,
        visible: Tensor | None = None,
    ) -> Tensor:
        """Losses of images; E (B, K, D), g (B, K), Q (B, C, D), J (B, C), visible (B, K)."""
        # The center of a category that was never seen is 0.
        seen = None if self.categories == 'present' else centers.any(dim=-1)
        if self.categories == 'seen':
            present, seen = seen, None
        return self.loss_weight * F.instance_semantic_consistency_loss(
            instance_means, instance_labels, centers, present, self.alpha, visible, seen
        )


@MODELS.register_module()
class CentroidRegularization(nn.Module):
    """L_cen, see :func:`einet.functional.losses.centroid_regularization`."""

    def __init__(self, reduction: Reduction = 'mean', loss_weight: float = 10.0) -> None:
        super().__init__()
        self.reduction = reduction
        _check(self, 'reduction', Reduction)
        self.loss_weight = loss_weight

    def forward(
        self,
        instance_means: Tensor,
        centroid_embeddings: Tensor,
        visible: Tensor | None = None,
    ) -> Tensor:
        """Losses of images; E (B, K, D), O (B, K, D), visible (B, K)."""
        return self.loss_weight * F.centroid_regularization(
            instance_means, centroid_embeddings, self.reduction, visible
        )


@MODELS.register_module()
class HeatmapMSELoss(nn.Module):
    """L_hm as squared error, see :func:`einet.functional.task_losses.heatmap_mse_loss`."""

    def __init__(self, reduction: Reduction = 'mean', loss_weight: float = 200.0) -> None:
        super().__init__()
        self.reduction = reduction
        _check(self, 'reduction', Reduction)
        self.loss_weight = loss_weight

    def forward(self, logits: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """Loss of a batch; logits and target (B, C_th, h, w), mask (B, 1, h, w)."""
        return self.loss_weight * T.heatmap_mse_loss(
            logits, target, mask, self.reduction, mean_over_ranks
        )


@MODELS.register_module()
class HeatmapFocalLoss(nn.Module):
    """L_hm as Gaussian focal loss, see :func:`einet.functional.task_losses.heatmap_focal_loss`."""

    def __init__(self, alpha: float = 2.0, beta: float = 4.0, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.alpha = alpha
        self.beta = beta
        self.loss_weight = loss_weight

    def forward(self, logits: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """Loss of a batch; logits and target (B, C_th, h, w), mask (B, 1, h, w)."""
        return self.loss_weight * T.heatmap_focal_loss(
            logits, target, mask, self.alpha, self.beta, mean_over_ranks
        )


@MODELS.register_module()
class BootstrappedCrossEntropyLoss(nn.Module):
    """L_sem, see :func:`einet.functional.task_losses.bootstrapped_cross_entropy`."""

    upsamples = True

    def __init__(
        self, top_fraction: float = 1.0, ignore_index: int = 255, loss_weight: float = 1.0
    ) -> None:
        super().__init__()
        T.check_top_fraction(top_fraction)
        self.top_fraction = top_fraction
        self.ignore_index = ignore_index
        self.loss_weight = loss_weight

    def forward(self, logits: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
        """Loss of a batch; logits (B, C, h, w), labels and weights (B, H, W)."""
        return self.loss_weight * T.bootstrapped_cross_entropy(
            logits, labels, weights, self.top_fraction, self.ignore_index, mean_over_ranks
        )
