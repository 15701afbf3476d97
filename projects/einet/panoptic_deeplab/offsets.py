r"""Instances by center offsets, as in Panoptic-DeepLab (Cheng et al., CVPR 2020), per image.

Every thing pixel predicts the offset to its instance's center of mass; moved by it, the pixel joins
the nearest center, whatever its class. An instance then takes the class most of its pixels have.

Points and offsets are (x, y); 0 is the middle of a map's or image's first pixel.

Shape shorthand:
    K: instances
    C: categories, C_th of them things (first)
    N: thing pixels of the original image
    h, w: network's maps
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..functional.grouping import row_slices
from ..functional.heatmap import draw_gaussians
from ..functional.precision import full_precision
from ..functional.resize import BilinearCells
from ..functional.steps import Steps, in_steps, select
from ..functional.task_losses import nonzero


def center_heatmap(centers_xy: Tensor, size: tuple[int, int], sigma: float) -> Tensor:
    r"""Draw one Gaussian per instance, all in one channel and of one spread (Panoptic-DeepLab).

    .. math:: Y_{y,x} = \max_k \exp(-\lVert (x, y) - c_k \rVert^2 / 2 \sigma^2)

    up to :math:`3 \sigma`, rounded up, in x and in y.

    Args:
        centers_xy: (..., K, 2), rounded down to cells. What lies outside the map is not drawn.
        size: (h, w).
        sigma: Spread in cells, > 0.

    Returns:
        (..., 1, h, w) float32 in [0, 1], exactly 1 at every center.
    """
    *images, count, _ = centers_xy.shape
    num_maps = math.prod(images)
    maps = torch.arange(num_maps, device=centers_xy.device)[:, None].expand(-1, count).flatten()
    radii = torch.full_like(maps, math.ceil(3 * sigma))
    sigmas = torch.full_like(radii, sigma, dtype=torch.float32)
    drawn = draw_gaussians(centers_xy.reshape(-1, 2), maps, radii, sigmas, num_maps, size)
    return drawn.view(*images, 1, *size)


def offset_targets(segment_ids: Tensor, centers: Tensor, image_size: tuple[int, int]) -> Tensor:
    """Offset from the middle of every cell to the center of the cell's instance.

    Args:
        segment_ids: (..., h, w) int64 in [0, K), -1 where there is no instance.
        centers: (..., K, 2) float xy, in pixels of the network's input.
        image_size: (H, W) of that input.

    Returns:
        (..., 2, h, w) float32, in pixels of the network's input; 0 where there is no instance.
    """
    *_, height, width = segment_ids.shape
    steps = [cells / pixels for cells, pixels in zip((height, width), image_size, strict=True)]
    middles = _middles(height, width, steps, like=centers)
    # The first row is for cells without an instance.
    rows = torch.cat([centers.new_zeros(*centers.shape[:-2], 1, 2), centers], dim=-2)
    index = (segment_ids.flatten(-2) + 1)[..., None].expand(*segment_ids.shape[:-2], -1, 2)
    points = rows.gather(-2, index).view(*segment_ids.shape, 2).movedim(-1, -3)
    return torch.where(segment_ids[..., None, :, :] >= 0, points - middles, 0.0).float()


@full_precision
def offset_l1_loss(
    offsets: Tensor,
    target: Tensor,
    mask: Tensor,
    divisor: Callable[[Tensor], Tensor] = nonzero,
) -> Tensor:
    """Absolute error of the offsets to the instance's center, as in Panoptic-DeepLab.

    Args:
        offsets: (B, 2, h, w) float, pixels.
        target: (B, 2, h, w) float, pixels.
        mask: (B, 1, h, w) bool or float, 0 where a pixel does not count.
        divisor: Makes what the sum is divided by of the number of pixels that count of this batch;
            several ranks pass their mean, :func:`einet.models.ranks.mean_over_ranks`.

    Returns:
        Scalar >= 0: the sum over x and y, its mean over the pixels that count; zero without any.
    """
    weights = mask.to(offsets.dtype)
    return ((offsets - target).abs() * weights).sum() / divisor(weights.sum())


@in_steps
def group_by_offsets(
    offsets: Tensor, centers: Tensor, cells: BilinearCells, pixels: Tensor
) -> Steps[Tensor]:
    """Give every pixel, moved by its upsampled offset, to the nearest center.

    Where a pixel lands is bilinear inside a cell, and what is nearest to one center is convex: if
    the four corners of a cell choose the same center, so do all of its pixels. Only the pixels of
    other cells, and those beyond the middles of the outermost ones, are measured one by one.

    Args:
        offsets: (2, h, w) float, in pixels of the original image.
        centers: (K, 2) xy, in pixels of the original image.
        cells: Way from the maps to the original image.
        pixels: (N,) int64, flat indices of the pixels to group.

    Returns:
        (N,) int64 in [0, K), the lowest among equals; -1 for all when K = 0.
    """
    if len(centers) == 0:
        return torch.full_like(pixels, -1)
    centers = centers.to(offsets)
    height, width = offsets.shape[1], offsets.shape[2]
    middles = _middles(height, width, cells.steps, like=offsets)
    corner = _nearest((middles + offsets).flatten(1).t(), centers).view(height, width)

    positions = torch.stack((pixels % cells.ori_shape[1], pixels // cells.ori_shape[1]), dim=1)
    inside = (positions >= middles[:, 0, 0]) & (positions <= middles[:, -1, -1])
    cell = cells.cell_of(pixels)
    nearest = corner.flatten()[cell]
    decided = cells.unanimous(corner).flatten()[cell] & inside.all(dim=1)
    others = yield from select(~decided)
    table = offsets.flatten(1).t().contiguous()
    for part in row_slices(len(others), len(centers)):
        chosen = others[part]
        moved = positions[chosen] + cells.sample(table, pixels[chosen])
        nearest[chosen] = _nearest(moved, centers)
    return nearest


def _middles(
    height: int, width: int, steps: tuple[float, ...] | list[float], like: Tensor
) -> Tensor:
    """Middles of a map's cells in pixels, given rows and columns per pixel: (2, h, w) xy."""
    y, x = (
        (torch.arange(size, dtype=torch.float64, device=like.device) + 0.5) / step - 0.5
        for size, step in zip((height, width), steps, strict=True)
    )
    return torch.stack((x.expand(height, width), y[:, None].expand(height, width))).to(like)


def _nearest(points: Tensor, centers: Tensor) -> Tensor:
    """The center (K, 2) nearest to each point (N, 2): (N,) int64."""
    nearest = torch.empty(len(points), dtype=torch.long, device=points.device)
    for part in row_slices(len(points), len(centers)):
        # By differences: squares of coordinates would not leave float32 enough digits.
        distances = torch.cdist(points[part], centers, compute_mode='donot_use_mm_for_euclid_dist')
        nearest[part] = distances.min(dim=1).indices
    return nearest
