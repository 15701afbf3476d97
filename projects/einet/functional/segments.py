"""Summaries of segments: means over masks (E, V), points of segments, embeddings at points (O).

A segment map holds ids 0..M-1, and -1 where a pixel belongs to no segment. The cost of every
function is O(N D), whatever M: there are no masks per segment.

Shape shorthand:
    N: pixels of one image
    M: segments
    K: points
    D: embedding width
    h, w: feature map
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from .precision import full_precision

# Below this total weight a mean fades to zero, so that its gradient (1 / mass) stays finite.
MIN_MASS = 1e-6


@full_precision
def segment_means(
    embeddings: Tensor,
    weights: Tensor,
    segment_ids: Tensor,
    num_segments: int,
    reduction: Literal['mean', 'sum'] = 'mean',
) -> tuple[Tensor, Tensor]:
    r"""Weighted mean of the embeddings inside every segment: E and V of Fig. 3 (a) and (b).

    .. math:: E_k = \frac{\sum_{t_i = k} a_i I_i}{\sum_{t_i = k} a_i}

    Args:
        embeddings: I or S, (N, D) float.
        weights: Attention a, (N,) float, >= 0.
        segment_ids: t, (N,) int64 in [0, M), -1 for pixels of no segment.
        num_segments: M.
        reduction: ``'mean'``, or ``'sum'`` for the numerator alone. The paper's "multiply as
            well as plus" names no denominator; with sums an embedding's length would grow with
            the area of its segment.

    Returns:
        Means (M, D), and masses (M,), the sums of the weights. Both are zero for a segment
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
    # Rows side by side in memory: an image's D maps of pixels, transposed, would be summed slowly.
    embeddings = embeddings.contiguous()
    # Row M collects the pixels of no segment: cheaper than selecting the others.
    rows = torch.where(segment_ids < 0, num_segments, segment_ids)
    sums = embeddings.new_zeros(num_segments + 1, embeddings.shape[1])
    sums = sums.index_add(0, rows, embeddings * weights[:, None])[:num_segments]
    mass = weights.new_zeros(num_segments + 1).index_add(0, rows, weights)[:num_segments]
    if reduction == 'sum':
        return sums, mass
    return sums / mass.clamp_min(MIN_MASS)[:, None], mass


def sample_at_points(embedding: Tensor, points: Tensor) -> Tensor:
    """Embeddings at pixels: O of Fig. 3 (c).

    Args:
        embedding: I, (D, h, w) float.
        points: Pixels (x, y), (K, 2), in units of feature pixels: 0 <= x < w, 0 <= y < h.
            Fractions are cut off.

    Returns:
        O, (K, D).

    Raises:
        IndexError: If a point lies outside the map.

    Example:
        >>> embedding = torch.arange(6.0).view(1, 2, 3)
        >>> sample_at_points(embedding, torch.tensor([[2, 0], [0, 1]]))
        tensor([[2.],
                [3.]])
    """
    x, y = points.long().unbind(1)
    return embedding[:, y, x].t()


class SegmentGeometry(NamedTuple):
    """Where the segments of one map lie; all zero for a segment without pixels."""

    centroids: Tensor
    """Center of mass, moved to the segment's nearest pixel: (x, y), (M, 2) int64."""
    areas: Tensor
    """Numbers of pixels, (M,) int64."""
    boxes: Tensor
    """Extents x1, y1, x2, y2 with x2, y2 exclusive, (M, 4) int64."""


def segment_centroids(segment_ids: Tensor, num_segments: int) -> SegmentGeometry:
    """Centroid, area and box of every segment.

    The center of mass of a concave segment can lie outside it, on another object. The centroid
    is therefore the segment's pixel nearest to it; of several, the first in row-major order.

    Args:
        segment_ids: (h, w) integer in [0, M), -1 for pixels of no segment.
        num_segments: M.

    Returns:
        Centroids, areas and boxes, in pixels of the map.

    Example:
        >>> geometry = segment_centroids(torch.tensor([[0, 0, -1], [0, -1, 1]]), num_segments=2)
        >>> geometry.centroids
        tensor([[0, 0],
                [2, 1]])
        >>> geometry.areas
        tensor([3, 1])
        >>> geometry.boxes
        tensor([[0, 0, 2, 2],
                [2, 1, 3, 2]])
    """
    width = segment_ids.shape[1]
    pixels, ids, xy = _pixels_of_segments(segment_ids)
    areas = torch.bincount(ids, minlength=num_segments)
    means = _mean_positions(ids, xy, areas)

    distances = (xy - means[ids]).square().sum(1)
    nearest = distances.new_full((num_segments,), torch.inf)
    nearest = nearest.scatter_reduce(0, ids, distances, 'amin')
    chosen = torch.where(distances == nearest[ids], pixels, segment_ids.numel())
    centroids = _extreme(chosen, ids, num_segments, 'amin')

    x, y = xy.unbind(1)
    low = [_extreme(values, ids, num_segments, 'amin') for values in (x, y)]
    high = [_extreme(values + 1, ids, num_segments, 'amax') for values in (x, y)]
    return SegmentGeometry(
        centroids=torch.stack((centroids % width, centroids // width), dim=1),
        areas=areas,
        boxes=torch.stack((*low, *high), dim=1),
    )


def centers_of_mass(segment_ids: Tensor, num_segments: int) -> Tensor:
    """Mean position of every segment's pixels; it may lie outside the segment.

    Args:
        segment_ids: (h, w) integer in [0, M), -1 for pixels of no segment.
        num_segments: M.

    Returns:
        (x, y) in pixels of the map, (M, 2) float64; zero for a segment without pixels.

    Example:
        >>> centers_of_mass(torch.tensor([[0, 0, -1], [0, 1, 1]]), num_segments=2)
        tensor([[0.3333, 0.3333],
                [1.5000, 1.0000]], dtype=torch.float64)
    """
    _, ids, xy = _pixels_of_segments(segment_ids)
    return _mean_positions(ids, xy, torch.bincount(ids, minlength=num_segments))


def _pixels_of_segments(segment_ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The N pixels of segments: flat indices (N,), ids (N,) and positions xy (N, 2), int64."""
    width = segment_ids.shape[1]
    flat = segment_ids.flatten().long()
    pixels = torch.nonzero(flat >= 0).squeeze(1)
    return pixels, flat[pixels], torch.stack((pixels % width, pixels // width), dim=1)


def _mean_positions(ids: Tensor, xy: Tensor, areas: Tensor) -> Tensor:
    """Mean of the positions (N, 2) of each of M segments: (M, 2) float64."""
    sums = xy.new_zeros(len(areas), 2).index_add(0, ids, xy)
    return sums.double() / areas.clamp_min(1)[:, None]


def _extreme(
    values: Tensor, ids: Tensor, num_segments: int, reduce: Literal['amin', 'amax']
) -> Tensor:
    """Smallest or largest value per segment; zero for a segment without values."""
    zeros = values.new_zeros(num_segments)
    return zeros.scatter_reduce(0, ids, values, reduce, include_self=False)
