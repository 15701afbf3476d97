"""Losses of the dense tasks: centroid heatmap (L_hm), semantic segmentation (L_sem), offsets.

Shape shorthand:
    B: images of a batch
    C: categories
    C_th: thing categories
    h, w: feature map at stride 4
    H, W: map of labels
"""

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from .parts import split_like, split_rows, sum_over_parts
from .precision import full_precision
from .upsampled_cross_entropy import upsampled_cross_entropy

# Values (images x channels x cells) in flight in the focal loss, which bounds its memory.
_CHUNK = 1 << 21


def nonzero(total: Tensor) -> Tensor:
    """A divisor that is not 0; the sum above it is 0 when this one is.

    Example:
        >>> nonzero(torch.tensor([0.0, 3.0]))
        tensor([1., 3.])
    """
    return torch.where(total > 0, total, 1.0)


@full_precision
def heatmap_mse_loss(
    logits: Tensor,
    target: Tensor,
    mask: Tensor | None = None,
    reduction: Literal['mean', 'sum'] = 'mean',
    divisor: Callable[[Tensor], Tensor] = nonzero,
) -> Tensor:
    """Squared error of the heatmap's probabilities, as in Panoptic-DeepLab.

    Args:
        logits: (B, C_th, h, w) float, before the sigmoid.
        target: (B, C_th, h, w) float in [0, 1].
        mask: (B, 1, h, w) bool or float, 0 where a pixel does not count; None when all do.
        reduction: Over the channels; over pixels it is the mean of those that count.
            Panoptic-DeepLab's heatmap has one channel. With ``'sum'`` an object weighs as much
            as there, whatever C_th; with ``'mean'`` it weighs 1 / C_th of that.
        divisor: Makes what the sum is divided by of the number of pixels that count of this batch;
            several ranks pass their mean, :func:`einet.models.ranks.mean_over_ranks`.

    Returns:
        Scalar in [0, 1] (``'sum'``: [0, C_th]); zero when every pixel is masked.

    Example:
        >>> logits = torch.zeros(1, 1, 1, 2)  # probabilities of 1/2
        >>> target = torch.tensor([[[[1.0, 0.75]]]])
        >>> heatmap_mse_loss(logits, target)
        tensor(0.1562)
        >>> heatmap_mse_loss(logits, target, mask=torch.tensor([[[[True, False]]]]))
        tensor(0.2500)
    """
    if logits.numel() == 0:
        return logits.sum()
    squared = (logits.sigmoid() - target).square()
    squared = squared.mean(1) if reduction == 'mean' else squared.sum(1)
    weights = torch.ones_like(squared) if mask is None else mask.squeeze(1).to(squared.dtype)
    return (squared * weights).sum() / divisor(weights.sum())


@full_precision
def heatmap_focal_loss(
    logits: Tensor,
    target: Tensor,
    mask: Tensor | None = None,
    alpha: float = 2.0,
    beta: float = 4.0,
    divisor: Callable[[Tensor], Tensor] = nonzero,
) -> Tensor:
    r"""Gaussian focal loss of CenterNet, divided by the number of peaks.

    .. math:: -\frac{1}{P} \sum \begin{cases} (1 - p)^\alpha \log p & t = 1 \\
              (1 - t)^\beta p^\alpha \log(1 - p) & t < 1 \end{cases}

    Args:
        logits: (B, C_th, h, w) float; p is their sigmoid.
        target: t, (B, C_th, h, w) float in [0, 1], exactly 1 at the P peaks.
        mask: (B, 1, h, w) bool or float, 0 where a pixel does not count; None when all do.
        alpha: Focus on hard pixels.
        beta: Forgiveness of false positives near a peak.
        divisor: Makes what the sum is divided by of the number of peaks of this batch;
            several ranks pass their mean, :func:`einet.models.ranks.mean_over_ranks`.

    Returns:
        Scalar >= 0; without peaks it is the sum over the negatives.

    Example:
        >>> logits = torch.zeros(1, 1, 1, 2)  # probabilities of 1/2
        >>> target = torch.tensor([[[[1.0, 0.0]]]])
        >>> heatmap_focal_loss(logits, target)  # 2 * (1/2)^2 log(2)
        tensor(0.3466)
    """
    weights = torch.ones_like(logits[:, :1]) if mask is None else mask.to(logits.dtype)
    # Logarithms, powers and products make a dozen maps: those of a few rows at a time.
    bands = split_rows(logits, _CHUNK)
    parts = (bands, *(split_like(maps, bands) for maps in (target, weights)))
    total, peaks = sum_over_parts(_focal_sum, parts, alpha, beta)
    return total / divisor(peaks)


def _focal_sum(
    logits: Tensor, target: Tensor, weights: Tensor, alpha: float, beta: float
) -> tuple[Tensor, Tensor]:
    """Sum of the focal loss over pixels and channels, and the number of peaks."""
    probability = logits.sigmoid()
    is_peak = target == 1
    positive = (1 - probability).pow(alpha) * F.logsigmoid(logits)
    negative = (1 - target).pow(beta) * probability.pow(alpha) * F.logsigmoid(-logits)
    losses = -torch.where(is_peak, positive, negative)
    return (losses * weights).sum(), (is_peak & (weights > 0)).sum()


def check_top_fraction(top_fraction: float) -> None:
    """Refuse a fraction of pixels outside (0, 1].

    Raises:
        ValueError: It is.

    Example:
        >>> check_top_fraction(0.2)
        >>> check_top_fraction(20)
        Traceback (most recent call last):
        ValueError: top_fraction must be in (0, 1], got 20.
    """
    if not 0 < top_fraction <= 1:
        raise ValueError(f'top_fraction must be in (0, 1], got {top_fraction}.')


@full_precision
def bootstrapped_cross_entropy(
    logits: Tensor,
    labels: Tensor,
    weights: Tensor | None = None,
    top_fraction: float = 1.0,
    ignore_index: int = 255,
    divisor: Callable[[Tensor], Tensor] = nonzero,
) -> Tensor:
    """Weighted cross-entropy of the hardest pixels: L_sem, as in DeeperLab.

    Args:
        logits: (B, C, h, w) float; upsampled to the labels' size where they are coarser.
        labels: (B, H, W) integer in [0, C), or ``ignore_index``.
        weights: (B, H, W) float, a factor per pixel; None for 1. Panoptic-DeepLab and the paper
            take 3 inside small instances.
        top_fraction: Fraction in (0, 1] of the batch's labeled pixels to keep: those with the
            largest weighted loss, at least one.
        ignore_index: Label of pixels that do not count, neither in the sum nor among the pixels
            of which the fraction is taken.
        divisor: Makes what the sum is divided by of the number of pixels kept of this batch;
            several ranks pass their mean, :func:`einet.models.ranks.mean_over_ranks`.

    Returns:
        Scalar >= 0, the mean over the pixels kept; zero when all are ignored.

    Raises:
        ValueError: If ``top_fraction`` is outside (0, 1].

    Example:
        >>> logits = torch.tensor([0.0, 2.0]).expand(1, 1, 1, 2)
        >>> logits = torch.cat([logits, -logits], dim=1)
        >>> labels = torch.tensor([[[0, 0]]])
        >>> bootstrapped_cross_entropy(logits, labels)
        tensor(0.3556)
        >>> bootstrapped_cross_entropy(logits, labels, top_fraction=0.5)  # log(2)
        tensor(0.6931)
    """
    check_top_fraction(top_fraction)
    losses = upsampled_cross_entropy(logits, labels.long(), ignore_index)
    if weights is not None:
        losses = losses * weights
    valid = labels != ignore_index
    count = int(valid.sum())
    if count and top_fraction < 1:
        count = max(1, int(top_fraction * count))
        total = losses[valid].topk(count, sorted=False).values.sum()
    else:
        total = losses.sum()  # those that do not count are 0
    return total / divisor(total.new_full((), count))
