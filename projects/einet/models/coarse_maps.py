"""The samples of a batch as tensors: instances, and labels on the grid of the feature map.

Shape shorthand:
    B: images of a batch
    K: rows for an image's instances; those without an instance are empty
    H, W: padded input
    h, w: feature map
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from mmdet.structures import DetDataSample
from torch import Tensor

from ..structures.limits import IGNORE_LABEL, INSTANCE_OFFSET

# K is a multiple of it: sums over the rows of an image are rounded in the same way whichever
# images share its batch.
_ROWS = 32
# A place that lies beyond every map.
_OUTSIDE = -(1 << 24)


@dataclass
class BatchInstances:
    """The instances of a batch; empty rows are 0.

    Attributes:
        exists: (B, K) bool, False in empty rows.
        labels: (B, K) long.
        centroids: (B, K, 2) float xy, pixels of the input.
        areas: (B, K) float, pixels of the input.
        bboxes: (B, K, 4) float xyxy, pixels of the input.
        numbers: (B, H, W) long, the instance of every pixel, counted from 1; 0 = none.
    """

    exists: Tensor
    labels: Tensor
    centroids: Tensor
    areas: Tensor
    bboxes: Tensor
    numbers: Tensor

    def place(self, points: Tensor) -> Tensor:
        """Points (B, K, 2) of the instances; those of empty rows beyond every map."""
        return torch.where(self.exists[..., None], points, _OUTSIDE)


def batch_instances(data_samples: Sequence[DetDataSample]) -> BatchInstances:
    """Instances of B samples, packed and padded. The host knows their numbers: it never waits."""
    instances = [sample.gt_instances for sample in data_samples]
    counts = torch.tensor([len(image) for image in instances])
    rows = _ROWS * max(-(-int(counts.max()) // _ROWS), 1)
    numbers = torch.stack([instance_numbers(sample) for sample in data_samples])
    exists = torch.arange(rows) < counts[:, None]
    return BatchInstances(
        exists.to(numbers.device, non_blocking=True),
        *(
            torch.stack([_with_rows(image[key], rows) for image in instances])
            for key in ('labels', 'centroids', 'areas', 'bboxes')
        ),
        numbers,
    )


def _with_rows(values: Tensor, rows: int) -> Tensor:
    """Values (k, ...) with zeros up to a number of rows."""
    return F.pad(values, (0, 0) * (values.ndim - 1) + (0, rows - len(values)))


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
    """Feature cells (..., 2), xy, that hold the pixels ``xy``."""
    steps = cells_per_pixel(image_size, feature_size)
    cells = [
        ((pixels + 0.5) * step).long().clamp(max=size - 1)
        for pixels, step, size in zip(xy.unbind(-1), steps, feature_size[::-1], strict=True)
    ]
    return torch.stack(cells, dim=-1)


def coarse_maps(
    sem_seg: Tensor, instances: BatchInstances, feature_size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Nearest maps at (h, w) on which instances keep the cell of their centroid.

    A cell that holds several centroids is the smallest instance's.

    Args:
        sem_seg: (B, H, W) long, 255 = ignore.
        instances: Instances of the batch.
        feature_size: (h, w).

    Returns:
        Labels (B, h, w) long, -1 = ignore; and rows of the image's instances, (B, h, w) long,
        -1 = none.
    """
    labels = nearest(sem_seg, feature_size)
    ids = nearest(instances.numbers, feature_size) - 1
    cells = to_cells(instances.centroids, sem_seg.shape[-2:], feature_size)
    owners = _owners(cells[..., 1] * feature_size[1] + cells[..., 0], instances, labels[0].numel())
    is_owned = (owners >= 0).view_as(ids)
    owners = owners.clamp(min=0)
    ids = torch.where(is_owned, owners.view_as(ids), ids)
    labels = torch.where(is_owned, instances.labels.gather(1, owners).view_as(labels), labels)
    return torch.where(labels == IGNORE_LABEL, -1, labels), ids


def _owners(cells: Tensor, instances: BatchInstances, num_cells: int) -> Tensor:
    """The instance whose centroid is in each cell, the smallest of several; -1 = none.

    Args:
        cells: (B, K) long, cells of the centroids.
        instances: Instances of the batch.
        num_cells: h x w.

    Returns:
        (B, h w) long.
    """
    order = instances.areas.argsort(dim=1, descending=True, stable=True)
    rank = torch.where(instances.exists, order.argsort(dim=1), -1)
    first = torch.full_like(cells[:, :1], -1).expand(-1, num_cells)
    winner = first.scatter_reduce(1, cells, rank, 'amax')
    return torch.where(winner >= 0, order.gather(1, winner.clamp(min=0)), -1)
