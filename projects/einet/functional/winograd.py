r"""Convolutions with a third of the multiplications or less, by evaluation at points (Winograd).

A tile of the output is a product of polynomials, so it can be computed from their values at enough
points: kernel and input are transformed to values, the values are multiplied, and the products are
transformed back (Lavin and Gray, `Fast Algorithms for Convolutional Neural Networks
<https://arxiv.org/abs/1509.09308>`_). In two dimensions, with 8 points along each axis,

.. math:: Y = A^T [(G g G^T) \odot (B^T d B)] A

needs 64 multiplications for m x m pixels of the output, m = 9 - k: 4 a pixel where a kernel of
k = 5 needs 25, and 1.8 where one of k = 3 needs 9. The sum over the input's channels is taken
between the transforms, as 64 matrix products. Values differ from those of a plain convolution by
about 1e-5 of their scale.

Shape shorthand:
    B: images of a batch
    C, C': channels of the input, of the output
    k: side of the kernel, 3 or 5
    m: side of a tile of the output, 9 - k; of the input it reads 8
    h, w: map
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .precision import full_precision

# And infinity. Small numbers and their inverses keep the transforms well-conditioned.
_POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)
_SIDE = len(_POINTS) + 1
# Values of transformed tiles in flight, which fit a core's cache.
_CHUNK = 1 << 21


def winograd_weight(weight: Tensor) -> Tensor:
    """Transform a kernel, once for all inputs: G g G^T.

    Args:
        weight: (C', C, k, k) float.

    Returns:
        (64, C, C') float.

    Example:
        >>> winograd_weight(torch.ones(4, 3, 5, 5)).shape
        torch.Size([64, 3, 4])
    """
    transform = _values(weight.shape[-1])
    values = torch.einsum('ua,oiab,vb->uvio', transform, weight.detach().double().cpu(), transform)
    return values.flatten(0, 1).to(weight).contiguous()


@full_precision
def winograd_conv2d(
    x: Tensor, weight: Tensor, bias: Tensor | None, kernel_size: int, dilation: int = 1
) -> Tensor:
    """``F.conv2d`` with zeros around the map, whose size stays; up to rounding.

    Args:
        x: (B, C, h, w) float.
        weight: (64, C, C') float, from :func:`winograd_weight`.
        bias: (C',) float, or None.
        kernel_size: k.
        dilation: Distance of the pixels that a kernel reads.

    Returns:
        (B, C', h, w) float, channels last in memory.

    Example:
        >>> kernel = torch.tensor([[[[0.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]]]])
        >>> x = torch.tensor([[[[1.0, 0.0], [0.0, 4.0]]]])
        >>> winograd_conv2d(x, winograd_weight(kernel), None, kernel_size=3).round().int()
        tensor([[[[6, 0],
                  [0, 8]]]], dtype=torch.int32)
    """
    height, width = x.shape[-2:]
    x = x.permute(0, 2, 3, 1)
    if dilation > 1:
        # Every d-th pixel makes a map of its own, which the kernel reads without gaps.
        x = F.pad(x, (0, 0, 0, -width % dilation, 0, -height % dilation))
        x = torch.unflatten(torch.unflatten(x, 2, (-1, dilation)), 1, (-1, dilation))
        x = x.permute(0, 2, 4, 1, 3, 5).flatten(0, 2)
    out = _dense(x, weight, kernel_size)
    if dilation > 1:
        out = torch.unflatten(out, 0, (-1, dilation, dilation)).permute(0, 3, 1, 4, 2, 5)
        out = out.flatten(3, 4).flatten(1, 2)[:, :height, :width]
    return (out if bias is None else out + bias).permute(0, 3, 1, 2)


def _dense(x: Tensor, weight: Tensor, kernel_size: int) -> Tensor:
    """The convolution of maps (B, h, w, C) without dilation and bias: (B, h, w, C')."""
    tile, before = _SIDE + 1 - kernel_size, kernel_size // 2
    height, width = x.shape[1:3]
    rows, columns = -(-height // tile), -(-width // tile)
    after = [count * tile + before - size for count, size in ((rows, height), (columns, width))]
    x = F.pad(x, (0, 0, before, after[1], before, after[0])).contiguous()
    forward, backward = _transforms(kernel_size, x)
    out = x.new_empty(len(x), rows, tile, columns, tile, weight.shape[2])
    # Overlapping tiles, by image, row and column, and their insides last: a view.
    tiles = x.unfold(1, _SIDE, tile).unfold(2, _SIDE, tile)
    step = max(_CHUNK // (len(weight) * columns * max(weight.shape[1:])), 1)
    at_once = max(step // rows, 1)
    for images, results in zip(torch.split(tiles, at_once), torch.split(out, at_once), strict=True):
        parts = zip(torch.split(images, step, 1), torch.split(results, step, 1), strict=True)
        for part, result in parts:
            values = forward @ part.permute(4, 5, 0, 1, 2, 3).reshape(len(weight), -1)
            products = torch.bmm(values.view(len(weight), -1, weight.shape[1]), weight)
            pixels = (backward @ products.flatten(1)).view(
                tile, tile, len(part), -1, columns, weight.shape[2]
            )
            result.copy_(pixels.permute(2, 3, 0, 4, 1, 5))
    return out.flatten(3, 4).flatten(1, 2)[:, :height, :width]


def _values(count: int) -> Tensor:
    """From the coefficients of a polynomial to its values at the 8 points: (8, count) float64."""
    powers = torch.tensor(_POINTS, dtype=torch.float64)[:, None] ** torch.arange(count)
    at_infinity = torch.zeros(1, count, dtype=torch.float64)
    at_infinity[0, -1] = 1
    return torch.cat([powers, at_infinity])


def _transforms(kernel_size: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Of the tiles of the input, (64, 64), and of the products, (m * m, 64)."""
    forward = torch.linalg.inv(_values(_SIDE)).t().contiguous()
    backward = _values(_SIDE + 1 - kernel_size).t().contiguous()
    return torch.kron(forward, forward).to(like), torch.kron(backward, backward).to(like)
