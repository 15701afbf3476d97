"""Summaries of segments: means over masks (E, V), points of segments, embeddings at points (O).

A segment map holds ids 0..M-1, and -1 where a pixel belongs to no segment. The cost of every
function is O(N D), whatever M: there are no masks per segment.

Shape shorthand:
    ...: any batch axes, the same in all arguments
    N: pixels of one image
    M: segments of one image
    K: points of one image
    D: embedding width
    h, w: feature map
"""

import math
from typing import Literal

import torch
from torch import Tensor

from .parts import Parts, sum_over_parts
from .precision import full_precision

# Below this total weight a mean fades to zero, so that its gradient (1 / mass) stays finite.
MIN_MASS = 1e-6


@full_precision
def segment_means(
    embeddings: Parts,
    weights: Parts,
    segment_ids: Parts,
    num_segments: int,
    reduction: Literal['mean', 'sum'] = 'mean',
) -> tuple[Tensor, Tensor]:
    r"""Weighted mean of the embeddings inside every segment: E and V of Fig. 3 (a) and (b).

    .. math:: E_k = \frac{\sum_{t_i = k} a_i I_i}{\sum_{t_i = k} a_i}

    Args:
        embeddings: I or S, (..., N, D) float, or parts of it, see
            :func:`einet.functional.parts.sum_over_parts`.
        weights: Attention a, (..., N) float, >= 0, or parts of it.
        segment_ids: t, (..., N) int64 in [0, M), -1 for pixels of no segment, or parts of it.
        num_segments: M, of every image.
        reduction: ``'mean'``, or ``'sum'`` for the numerator alone. The paper's "multiply as
            well as plus" names no denominator; with sums an embedding's length would grow with
            the area of its segment.

    Returns:
        Means (..., M, D), and masses (..., M), the sums of the weights. Both are zero for a segment
        without pixels; a mass below ``MIN_MASS`` counts as ``MIN_MASS`` in the division.

    Example:
        >>> means, masses = segment_means(
        ...     embeddings=torch.tensor([[1.0, 0.0], [4.0, 3.0], [9.0, 9.0]]),
        ...     weights=torch.tensor([0.5, 1.0, 1.0]),
        ...     segment_ids=torch.tensor([0, 0, -1]),
        ...     num_segments=2,
        ... )
        >>> means
        tensor([[3., 2.],
                [0., 0.]])
        >>> masses
        tensor([1.5000, 0.0000])
    """
    sums, mass = sum_over_parts(_segment_sums, (embeddings, weights, segment_ids), num_segments)
    if reduction == 'sum':
        return sums, mass
    return sums / mass.clamp_min(MIN_MASS)[..., None], mass


@full_precision
def _segment_sums(
    embeddings: Tensor, weights: Tensor, segment_ids: Tensor, num_segments: int
) -> tuple[Tensor, Tensor]:
    """Weighted sums (..., M, D) of embeddings, and sums (..., M) of weights."""
    *images, _, dims = embeddings.shape
    # Row M of an image collects the pixels of no segment: cheaper than selecting the others.
    rows = torch.where(segment_ids < 0, num_segments, segment_ids)
    first = (num_segments + 1) * torch.arange(math.prod(images), device=rows.device)
    rows = (rows + first.view(*images, 1)).flatten()
    # Rows side by side in memory: an image's D maps of pixels, transposed, would be summed slowly.
    weighted = embeddings.contiguous() * weights[..., None]
    size = (len(first) * (num_segments + 1), dims)
    sums = weighted.new_zeros(size).index_add(0, rows, weighted.reshape(-1, dims))
    mass = weights.new_zeros(size[0]).index_add(0, rows, weights.flatten())
    sums, mass = (total.view(*images, num_segments + 1, *total.shape[1:]) for total in (sums, mass))
    return sums[..., :num_segments, :], mass[..., :num_segments]


def sample_at_points(embedding: Tensor, points: Tensor) -> Tensor:
    """Embeddings at pixels: O of Fig. 3 (c).

    Args:
        embedding: I, (..., D, h, w) float, with at most one batch axis.
        points: Pixels (x, y), (..., K, 2), in units of feature pixels: 0 <= x < w, 0 <= y < h.
            Fractions are cut off.

    Returns:
        O, (..., K, D).

    Raises:
        IndexError: If a point lies outside the map.

    Example:
        >>> embedding = torch.arange(6.0).view(1, 2, 3)
        >>> sample_at_points(embedding, torch.tensor([[2, 0], [0, 1]]))
        tensor([[2.],
                [3.]])
    """
    x, y = points.long().unbind(-1)
    if embedding.ndim == 3:
        return embedding[:, y, x].mT
    return embedding[torch.arange(len(embedding), device=x.device)[:, None], :, y, x]


def centers_of_mass(segment_ids: Tensor, num_segments: int) -> Tensor:
    """Mean position of every segment's pixels; it may lie outside the segment.

    Args:
        segment_ids: (..., h, w) integer in [0, M), -1 for pixels of no segment.
        num_segments: M, of every map.

    Returns:
        (x, y) in pixels of the map, (..., M, 2) float64; zero for a segment without pixels.

    Example:
        >>> centers_of_mass(torch.tensor([[0, 0, -1], [0, 1, 1]]), num_segments=2)
        tensor([[0.3333, 0.3333],
                [1.5000, 1.0000]], dtype=torch.float64)
    """
    *images, height, width = segment_ids.shape
    # Row 0 collects the pixels of no segment.
    rows = segment_ids.flatten(-2).long() + 1
    pixels = torch.arange(height * width, device=rows.device)
    x, y, area = (
        rows.new_zeros(*images, num_segments + 1).scatter_add(-1, rows, values.expand_as(rows))
        for values in (pixels % width, pixels // width, torch.ones_like(pixels))
    )
    return torch.stack((x, y), dim=-1)[..., 1:, :].double() / area[..., 1:, None].clamp_min(1)
