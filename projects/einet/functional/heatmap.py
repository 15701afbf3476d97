"""Heatmaps of centroids: Gaussian training targets, and peaks at inference.

EINet's has a channel per thing class, and Gaussians whose spread follows the instance's size;
Panoptic-DeepLab's has one channel and one spread for all.

All coordinates and sizes are in cells of the map, points are (x, y).

Shape shorthand:
    K: instances
    C_th: thing classes
    h, w: map, at stride 4 of the network's input
    P: peaks
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .steps import Steps, count_by, in_steps, select

# Window cells drawn at a time: bounds the memory of many large, overlapping instances.
_CELLS_PER_CHUNK = 1 << 21
# Values (channels x cells) compared at a time: maxima and their places take nine times as much.
_COMPARED = 1 << 22


class Peaks(NamedTuple):
    """Centroids found in a heatmap, sorted by class, then by falling score.

    Attributes:
        xy: (P, 2) int64, the cell of each peak.
        labels: (P,) int64 in [0, C_th).
        scores: (P,) float, the heatmap's value.
    """

    xy: Tensor
    labels: Tensor
    scores: Tensor


def gaussian_radius(heights: Tensor, widths: Tensor, min_overlap: float = 0.7) -> Tensor:
    r"""How far both corners of each box may move while its IoU stays above `min_overlap`.

    Both corners move in, the tightest of CornerNet's three cases at any `min_overlap`, so that it
    is, per box, ``mmdet.models.utils.gaussian_radius``. A root of a quadratic.

    Args:
        heights: (K,) float, >= 0.
        widths: (K,) float, >= 0.
        min_overlap: In (0, 1).

    Returns:
        (K,) float, >= 0, not rounded.

    Example:
        >>> gaussian_radius(torch.tensor([10.0]), torch.tensor([20.0]), min_overlap=0.5)
        tensor([1.9098])
    """
    total, area = heights + widths, heights * widths
    return (total - (total**2 - 4 * area * (1 - min_overlap)).sqrt()) / 4


def centroid_heatmap(
    centroids_xy: Tensor,
    labels: Tensor,
    sizes_wh: Tensor,
    num_classes: int,
    size: tuple[int, int],
    min_overlap: float = 0.7,
    min_radius: int = 0,
) -> Tensor:
    r"""Draw one Gaussian per instance; its spread follows the instance's size (CenterNet).

    .. math:: Y_{l,y,x} = \max_{k: l_k = l} \exp(-\lVert (x, y) - c_k \rVert^2 / 2 \sigma_k^2)

    with :math:`\sigma_k = (2 r_k + 1) / 6`, inside the square of radius :math:`r_k` (the
    rounded-down :func:`gaussian_radius`) around the center.

    Args:
        centroids_xy: (K, 2), rounded down to cells. What lies outside the map is not drawn.
        labels: (K,) int64 in [0, num_classes).
        sizes_wh: (K, 2), extent of each visible mask.
        num_classes: C_th.
        size: (h, w).
        min_overlap: IoU that a box moved by the radius still has.
        min_radius: Smallest radius, in cells.

    Returns:
        (C_th, h, w) float32 in [0, 1], exactly 1 at every center.

    Example:
        >>> centroid_heatmap(
        ...     centroids_xy=torch.tensor([[1, 0]]),
        ...     labels=torch.tensor([0]),
        ...     sizes_wh=torch.tensor([[14, 14]]),
        ...     num_classes=1,
        ...     size=(2, 4),
        ... )
        tensor([[[0.1353, 1.0000, 0.1353, 0.0000],
                 [0.0183, 0.1353, 0.0183, 0.0000]]])
    """
    sizes = sizes_wh.to(torch.promote_types(sizes_wh.dtype, torch.float32))
    radii = gaussian_radius(sizes[:, 1], sizes[:, 0], min_overlap).long().clamp(min=min_radius)
    return draw_gaussians(
        centroids_xy, labels, radii, (2 * radii + 1).float() / 6, num_classes, size
    )


def draw_gaussians(
    centers_xy: Tensor,
    labels: Tensor,
    radii: Tensor,
    sigmas: Tensor,
    num_classes: int,
    size: tuple[int, int],
) -> Tensor:
    """Maximum of Gaussians inside squares: K centers, channels, radii and spreads, in cells.

    Example:
        >>> draw_gaussians(
        ...     centers_xy=torch.tensor([[1, 0], [3, 0]]),
        ...     labels=torch.tensor([0, 0]),
        ...     radii=torch.tensor([1, 1]),
        ...     sigmas=torch.tensor([0.5, 1.0]),
        ...     num_classes=1,
        ...     size=(1, 5),
        ... )
        tensor([[[0.1353, 1.0000, 0.6065, 1.0000, 0.6065]]])
    """
    height, width = size
    heatmap = torch.zeros(num_classes * height * width, device=centers_xy.device)
    centers = torch.div(centers_xy, 1, rounding_mode='floor').long()
    limits = torch.stack([centers.new_full((), side) for side in (width, height)])
    first = torch.minimum((centers - radii[:, None]).clamp(min=0), limits)
    extents = (torch.minimum(centers + radii[:, None] + 1, limits) - first).clamp(min=0)
    ends = extents.prod(dim=1).cumsum(0)
    total = int(ends[-1]) if len(ends) else 0
    precision = 0.5 / sigmas**2
    for start in range(0, total, _CELLS_PER_CHUNK):
        cells = torch.arange(start, min(start + _CELLS_PER_CHUNK, total), device=heatmap.device)
        k = torch.searchsorted(ends, cells, right=True)
        inside = cells - (ends[k] - extents[k].prod(dim=1))
        x = first[k, 0] + inside % extents[k, 0]
        y = first[k, 1] + inside // extents[k, 0]
        squared = (x - centers[k, 0]) ** 2 + (y - centers[k, 1]) ** 2
        index = (labels[k] * height + y) * width + x
        heatmap.scatter_reduce_(0, index, torch.exp(-squared * precision[k]), 'amax')
    return heatmap.view(num_classes, height, width)


@in_steps
def find_peaks(
    heatmap: Tensor,
    kernel_size: int = 8,
    threshold: float = 0.3,
    top_k: int = 30,
    labels: Tensor | None = None,
    valid: tuple[int, int] | None = None,
    ranking: Tensor | None = None,
) -> Steps[Peaks]:
    """Local maxima of each channel: max-pool NMS, threshold, top k, agreement with the labels.

    A peak is the largest cell of the window around it; among equals the first in reading order,
    so that a plateau gives one peak, not one per cell. The window of an even kernel reaches one
    cell further to the right and down than to the left and up.

    Args:
        heatmap: (C_th, h, w), probabilities in [0, 1].
        kernel_size: Side of the window in cells, odd or even.
        threshold: Peaks have a probability above it.
        top_k: Peaks kept per channel, before the semantic labels are asked.
        labels: (h, w) integer, semantic label per cell; a peak of channel l stays only where it
            is l. Default: no such test.
        valid: (rows, columns) of the top-left part that shows the image; the rest is padding,
            where nothing counts. Default: all.
        ranking: (C_th, h, w), what cells are compared by, monotone in ``heatmap``: its logits,
            because a float32 sigmoid is 1.0 from a logit of about 17 on. Default: ``heatmap``.

    Returns:
        The peaks.

    Example:
        >>> heatmap = torch.tensor([[[0.1, 0.9, 0.4, 0.2, 0.5]]])
        >>> find_peaks(heatmap, kernel_size=3)
        Peaks(xy=tensor([[1, 0],
                [4, 0]]), labels=tensor([0, 0]), scores=tensor([0.9000, 0.5000]))
    """
    ranking = heatmap if ranking is None else ranking
    if valid is not None:
        heatmap, ranking = (maps[:, : valid[0], : valid[1]] for maps in (heatmap, ranking))
    channels = max(_COMPARED // max(ranking[:1].numel(), 1), 1)
    is_first = [first_of_window(part, kernel_size) for part in torch.split(ranking, channels)]
    cells = yield from select(torch.cat(is_first) & (heatmap > threshold))
    _, height, width = heatmap.shape
    row = torch.div(cells, width, rounding_mode='floor')
    channel, y, x = torch.div(row, height, rounding_mode='floor'), row % height, cells % width
    # Two stable sorts: by falling rank, then by class.
    order = ranking[channel, y, x].argsort(descending=True, stable=True)
    order = order[channel[order].argsort(stable=True)]
    channel, y, x = channel[order], y[order], x[order]
    counts = count_by(channel, len(heatmap))
    place = torch.arange(len(channel), device=channel.device) - (counts.cumsum(0) - counts)[channel]
    kept = place < top_k
    if labels is not None:
        kept &= labels[y, x] == channel
    kept = yield from select(kept)
    channel, y, x = channel[kept], y[kept], x[kept]
    return Peaks(torch.stack((x, y), dim=1), channel, heatmap[channel, y, x])


def first_of_window(maps: Tensor, kernel_size: int) -> Tensor:
    """Whether each cell is the first largest of the window around it; (C, h, w) bool.

    Example:
        >>> first_of_window(torch.tensor([[[1.0, 3.0, 3.0, 2.0, 4.0]]]), kernel_size=3)
        tensor([[[False,  True, False, False,  True]]])
    """
    height, width = maps.shape[-2:]
    before, after = (kernel_size - 1) // 2, kernel_size // 2
    if maps.numel() == 0:
        return torch.zeros_like(maps, dtype=torch.bool)
    padded = F.pad(maps, (before, after, before, after), value=float('-inf'))
    # Rows, then columns: 2 k comparisons per cell where one square window needs k * k.
    row_max, row_index = F.max_pool2d(padded, (1, kernel_size), stride=1, return_indices=True)
    _, row_of = F.max_pool2d(row_max, (kernel_size, 1), stride=1, return_indices=True)
    winner = row_index.flatten(1).gather(1, row_of.flatten(1)).view_as(maps)
    rows = torch.arange(height, device=maps.device)[:, None] + before
    columns = torch.arange(width, device=maps.device) + before
    return torch.eq(winner, rows * padded.shape[-1] + columns)
