"""Dense training targets, built once per batch from the packed samples.

Shape shorthand:
    B: images of a batch
    C: categories, C_th of them things (first)
    K: instances of one image
    H, W: padded input
    h, w: feature map at stride 4
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from mmdet.structures import DetDataSample
from torch import Tensor

from ..functional.heatmap import centroid_heatmap
from .coarse_maps import cells_per_pixel, coarse_maps, instance_numbers, to_cells
from .semantics import SemanticTargets, build_semantic_targets


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
        small_instance_area: Instances below this area, in pixels after scaling and cropping,
            count more in the semantic loss.
        small_instance_weight: Their weight.
        min_overlap: IoU with the true box that a box moved by a Gaussian's radius still has;
            smaller means wider Gaussians.
        min_radius: Smallest radius of a Gaussian, in cells of the feature map.

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
        sizes = sizes * sizes.new_tensor(cells_per_pixel(own.shape, feature_size))
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
