"""A sample's labels and instances on the grid of the feature map.

Shape shorthand:
    K: instances of the image
    H, W: padded input
    h, w: feature map
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmdet.structures import DetDataSample
from torch import Tensor

from ..structures.limits import IGNORE_LABEL, INSTANCE_OFFSET


def instance_numbers(sample: DetDataSample) -> Tensor:
    """The instance of every pixel, counted from 1, as rows of ``gt_instances``: (H, W) long."""
    return sample.gt_panoptic_seg.sem_seg[0].long() // INSTANCE_OFFSET


def nearest(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Values of (..., H, W) maps at the pixels in the middle of the cells of a coarser grid.

    Args:
        maps: (..., H, W).
        size: (h, w) of the grid.

    Returns:
        (..., h, w), a new tensor.
    """
    rows, cols = (
        ((torch.arange(cells, device=maps.device) + 0.5) * pixels / cells).long()
        for cells, pixels in zip(size, maps.shape[-2:], strict=True)
    )
    return maps[..., rows[:, None], cols]


def cells_per_pixel(
    image_size: Sequence[int], feature_size: tuple[int, int]
) -> tuple[float, float]:
    """Feature cells per input pixel along (x, y)."""
    return feature_size[1] / image_size[1], feature_size[0] / image_size[0]


def to_cells(xy: Tensor, image_size: Sequence[int], feature_size: tuple[int, int]) -> Tensor:
    """Feature cells (K, 2), xy, that hold the pixels ``xy``."""
    cells = ((xy + 0.5) * xy.new_tensor(cells_per_pixel(image_size, feature_size))).long()
    limit = cells.new_tensor([feature_size[1] - 1, feature_size[0] - 1])
    return cells.minimum(limit)


def coarse_maps(
    sample: DetDataSample, numbers: Tensor, feature_size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Nearest maps at (h, w) on which every instance keeps the cell of its centroid.

    Args:
        sample: Packed and padded.
        numbers: Its :func:`instance_numbers`.
        feature_size: (h, w).

    Returns:
        Labels (h, w) long, -1 = ignore; and rows of ``gt_instances``, (h, w) long, -1 = none.
    """
    instances = sample.gt_instances
    labels = nearest(sample.gt_sem_seg.sem_seg[0], feature_size).long()
    ids = nearest(numbers, feature_size) - 1
    cells = to_cells(instances.centroids, numbers.shape, feature_size)
    flat_cells = cells[:, 1] * feature_size[1] + cells[:, 0]
    _stamp(ids.view(-1), labels.view(-1), flat_cells, instances.labels, numbers)
    labels[labels == IGNORE_LABEL] = -1
    return labels, ids


def _stamp(
    ids: Tensor, labels: Tensor, cells: Tensor, instance_labels: Tensor, numbers: Tensor
) -> None:
    """Give each centroid's cell to its instance, in place; the smallest wins a shared cell."""
    count = len(instance_labels)
    areas = torch.bincount(numbers.flatten(), minlength=count + 1)[1:]
    order = areas.argsort(descending=True, stable=True)
    rank = torch.empty_like(order)
    rank[order] = torch.arange(count, device=order.device)
    winner = torch.full_like(ids, -1).scatter_reduce_(0, cells, rank, 'amax')
    stamped = winner >= 0
    ids[stamped] = order[winner[stamped]]
    labels[stamped] = instance_labels[ids[stamped]]
