"""Dense training targets, built once per batch from the packed samples.

Letters: B images, K instances of one image, (H, W) padded input, (h, w) feature maps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from mmdet.structures import DetDataSample
from torch import Tensor

from ..functional.heatmap import centroid_heatmap
from ..structures.limits import IGNORE_LABEL, INSTANCE_OFFSET


@dataclass
class SemanticTargets:
    """What the semantic loss needs to know about a batch.

    Attributes:
        sem_seg: (B, H, W) long, 255 = ignore.
        pixel_weights: (B, H, W) float, weights of the semantic cross-entropy.
    """

    sem_seg: Tensor
    pixel_weights: Tensor


@dataclass
class PanopticTargets(SemanticTargets):
    """What EINet's losses need to know about a batch, besides the semantic targets.

    Attributes:
        labels: (B, h, w) long, -1 = ignore.
        instance_ids: (B, h, w) long, rows of ``instance_labels``, -1 = no instance.
        present: (B, C) bool, categories with pixels at (h, w).
        instance_labels: B x (K,) long; instances with pixels at (h, w) only.
        centroids: B x (K, 2) long, xy on the feature map, on a pixel of the instance itself.
        heatmap: (B, C_th, h, w) float in [0, 1].
        heatmap_mask: (B, 1, h, w) bool, False on void and crowd.
    """

    labels: Tensor
    instance_ids: Tensor
    present: Tensor
    instance_labels: list[Tensor]
    centroids: list[Tensor]
    heatmap: Tensor
    heatmap_mask: Tensor


def build_targets(
    data_samples: Sequence[DetDataSample],
    feature_size: tuple[int, int],
    num_things_classes: int,
    num_classes: int,
    small_instance_area: float = 4096,
    small_instance_weight: float = 3.0,
    min_overlap: float = 0.1,
    min_radius: int = 2,
) -> PanopticTargets:
    """Targets of a batch of samples as packed by :class:`PackPanopticInputs` and padded alike.

    Args:
        data_samples: B samples with ``gt_sem_seg``, ``gt_panoptic_seg`` and ``gt_instances``.
        feature_size: (h, w).
        num_things_classes: C_th.
        num_classes: C.
        small_instance_area: instances below this area, in pixels after scaling and cropping,
            count more in the semantic loss.
        small_instance_weight: their weight.
        min_overlap: IoU with the true box that a box moved by a Gaussian's radius still has;
            smaller means wider Gaussians.
        min_radius: smallest radius of a Gaussian, in cells of the feature map.

    Returns:
        Targets on the samples' device.
    """
    numbers = [instance_numbers(sample) for sample in data_samples]
    semantic = build_semantic_targets(
        data_samples, numbers, small_instance_area, small_instance_weight
    )
    labels, ids, instance_labels, centroids, heatmaps = [], [], [], [], []
    for sample, own in zip(data_samples, numbers, strict=True):
        instances = sample.gt_instances
        cells = to_cells(instances.centroids, own.shape, feature_size)
        image_labels, image_ids = coarse_maps(sample, own, feature_size)
        image_ids, kept = _without_hidden(image_ids, len(instances))
        labels.append(image_labels)
        ids.append(image_ids)
        instance_labels.append(instances.labels[kept])
        centroids.append(cells[kept])
        sizes = instances.bboxes[:, 2:] - instances.bboxes[:, :2]
        sizes = sizes * sizes.new_tensor(_scale(own.shape, feature_size))
        heatmap = centroid_heatmap(
            cells,
            instances.labels,
            sizes,
            num_classes=num_things_classes,
            size=feature_size,
            min_overlap=min_overlap,
            min_radius=min_radius,
        )
        heatmaps.append(heatmap)
    label_maps = torch.stack(labels)
    categories = torch.arange(num_classes, device=label_maps.device)
    return PanopticTargets(
        sem_seg=semantic.sem_seg,
        pixel_weights=semantic.pixel_weights,
        labels=label_maps,
        instance_ids=torch.stack(ids),
        present=torch.stack([torch.isin(categories, image) for image in labels]),
        instance_labels=instance_labels,
        centroids=centroids,
        heatmap=torch.stack(heatmaps),
        heatmap_mask=(label_maps >= 0)[:, None],
    )


def instance_numbers(sample: DetDataSample) -> Tensor:
    """The instance of every pixel, counted from 1, as rows of ``gt_instances``: (H, W) long."""
    return sample.gt_panoptic_seg.sem_seg[0].long() // INSTANCE_OFFSET


def build_semantic_targets(
    data_samples: Sequence[DetDataSample],
    numbers: Sequence[Tensor],
    small_instance_area: float,
    small_instance_weight: float,
) -> SemanticTargets:
    """The part of :func:`build_targets` that any panoptic detector has.

    Args:
        data_samples: B samples, packed and padded.
        numbers: their :func:`instance_numbers`.
        small_instance_area: see :func:`build_targets`.
        small_instance_weight: see :func:`build_targets`.
    """
    sem_seg = torch.stack([s.gt_sem_seg.sem_seg[0] for s in data_samples]).long()
    pixel_weights = torch.stack(
        [
            _small_instance_weights(
                n, s.gt_instances.areas, small_instance_area, small_instance_weight
            )
            for s, n in zip(data_samples, numbers, strict=True)
        ]
    )
    return SemanticTargets(sem_seg, pixel_weights)


def _scale(image_size: Sequence[int], feature_size: tuple[int, int]) -> tuple[float, float]:
    """Feature cells per input pixel along (x, y)."""
    return feature_size[1] / image_size[1], feature_size[0] / image_size[0]


def to_cells(xy: Tensor, image_size: Sequence[int], feature_size: tuple[int, int]) -> Tensor:
    """Feature cells (K, 2), xy, that hold the pixels ``xy``."""
    cells = ((xy + 0.5) * xy.new_tensor(_scale(image_size, feature_size))).long()
    limit = cells.new_tensor([feature_size[1] - 1, feature_size[0] - 1])
    return cells.minimum(limit)


def _small_instance_weights(numbers: Tensor, areas: Tensor, area: float, weight: float) -> Tensor:
    """(H, W) weights: ``weight`` inside instances smaller than ``area``, 1 elsewhere."""
    table = areas.new_ones(len(areas) + 1)
    table[1:][areas < area] = weight
    return table[numbers]


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


def coarse_maps(
    sample: DetDataSample, numbers: Tensor, feature_size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Nearest maps at (h, w) on which every instance keeps the cell of its centroid.

    Args:
        sample: packed and padded.
        numbers: its :func:`instance_numbers`.
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


def _without_hidden(ids: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Leave instances without a cell out.

    Args:
        ids: (h, w) long in [0, count), -1 = none.
        count: Instances of the image.

    Returns:
        The ids of those that are left, counted anew; and which are left, (count,) bool.
    """
    kept = torch.bincount(ids.view(-1) + 1, minlength=count + 1)[1:] > 0
    renumber = torch.cat([ids.new_full((1,), -1), kept.cumsum(0) - 1])
    return renumber[ids + 1], kept


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
