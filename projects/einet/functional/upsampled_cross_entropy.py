"""Cross-entropy of every pixel of an image from coarser logits, some rows at a time.

With 133 classes the upsampled logits of a 4096 x 4096 image take 9 GB, and their softmax and its
gradient as much each. Only as many rows as ``_CHUNK`` allows exist at once; the backward pass
computes them again.

Shape shorthand:
    B: images of a batch
    C: categories
    h, w: logits
    H, W: labels
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from .resize import Samples, sample_axis

# Upsampled values (images x channels x pixels) in flight.
_CHUNK = 1 << 22


def upsampled_cross_entropy(logits: Tensor, labels: Tensor, ignore_index: int = 255) -> Tensor:
    """Cross-entropy of each pixel, of bilinearly upsampled logits.

    Args:
        logits: (B, C, h, w) float.
        labels: (B, H, W) int64 in [0, C), or ``ignore_index``.
        ignore_index: Label of pixels whose loss is 0.

    Returns:
        (B, H, W).

    Example:
        >>> logits = torch.tensor([[[[0.0, 2.0]], [[0.0, 0.0]]]])
        >>> upsampled_cross_entropy(logits, torch.tensor([[[0, 0, 1, 255]]]))
        tensor([[[0.6931, 0.4741, 1.7014, 0.0000]]])
    """
    if logits.shape[:2].numel() * labels[0].numel() > _CHUNK:
        losses: Tensor = _InStrips.apply(logits, labels, ignore_index)  # type: ignore[no-untyped-call]
        return losses
    upsampled = F.interpolate(logits, labels.shape[1:], mode='bilinear', align_corners=False)
    return F.cross_entropy(upsampled, labels, reduction='none', ignore_index=ignore_index)


class _Strip(NamedTuple):
    """Some rows of the labels, and the rows of the logits that they read.

    Attributes:
        rows: Rows of the labels.
        cells: Rows of the logits.
        samples: Where in ``cells`` to read each of ``rows``.
    """

    rows: slice
    cells: slice
    samples: Samples


class _InStrips(torch.autograd.Function):
    """:func:`upsampled_cross_entropy` that keeps nothing but its arguments."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, labels: Tensor, ignore_index: int) -> Tensor:
        ctx.save_for_backward(logits, labels)
        ctx.ignore_index = ignore_index
        losses = [
            _strip_losses(logits[:, :, strip.cells], labels, strip, ignore_index)
            for strip in _strips(logits, labels)
        ]
        return torch.cat(losses, dim=1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        logits, labels = ctx.saved_tensors
        total = torch.zeros_like(logits)
        for strip in _strips(logits, labels):
            with torch.enable_grad():
                part = logits[:, :, strip.cells].detach().requires_grad_()
                losses = _strip_losses(part, labels, strip, ctx.ignore_index)
            total[:, :, strip.cells] += torch.autograd.grad(losses, part, gradient[:, strip.rows])[
                0
            ]
        return total, None, None


def _strips(logits: Tensor, labels: Tensor) -> Iterator[_Strip]:
    height, width = labels.shape[1:]
    step = max(_CHUNK // (logits.shape[:2].numel() * width), 1)
    for start in range(0, height, step):
        rows = slice(start, min(start + step, height))
        position = torch.arange(rows.start, rows.stop, dtype=torch.float64) + 0.5
        cells = logits.shape[2]
        low, high, weight = sample_axis(position * (cells / height) - 0.5, cells, like=logits)
        first, last = int(low[0]), int(high[-1])
        yield _Strip(rows, slice(first, last + 1), Samples(low - first, high - first, weight))


def _strip_losses(logits: Tensor, labels: Tensor, strip: _Strip, ignore_index: int) -> Tensor:
    """Losses of the strip's rows; ``logits`` are those of its cells."""
    low, high, weight = strip.samples
    lines = logits[:, :, low].lerp(logits[:, :, high], weight[:, None])
    size = (lines.shape[2], labels.shape[2])
    upsampled = F.interpolate(lines, size, mode='bilinear', align_corners=False)
    own = labels[:, strip.rows]
    return F.cross_entropy(upsampled, own, reduction='none', ignore_index=ignore_index)
