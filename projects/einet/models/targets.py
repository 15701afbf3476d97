"""Dense training targets, built once per batch from the packed samples.

Shape shorthand:
    B: images of a batch
    C: categories, C_th of them things (first)
    K: most instances of an image
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
from .coarse_maps import batch_instances, cells_per_pixel, coarse_maps, to_cells
from .semantics import SemanticTargets, build_semantic_targets


@dataclass
class PanopticTargets(SemanticTargets):
    """What EINet's losses need to know about a batch, besides the semantic targets.

    Attributes:
        labels: (B, h, w) long, -1 = ignore.
        instance_ids: (B, h, w) long, rows of the image's instances, -1 = no instance.
        present: (B, C) bool, categories with pixels at (h, w).
        visible: (B, K) bool, instances with pixels at (h, w). The others, and the empty rows of
            an image with fewer than K, count in no loss on instances.
        has_centroid: (B, K) bool, visible instances that have the cell of their centroid. Several
            may share that cell; it is the smallest's.
        instance_labels: (B, K) long.
        centroids: (B, K, 2) long, xy on the feature map; of those that are visible.
        heatmap: (B, C_th, h, w) float in [0, 1].
        heatmap_mask: (B, 1, h, w) bool, False on void and crowd.
    """

    labels: Tensor
    instance_ids: Tensor
    present: Tensor
    visible: Tensor
    has_centroid: Tensor
    instance_labels: Tensor
    centroids: Tensor
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
    instances = batch_instances(data_samples)
    semantic = build_semantic_targets(
        data_samples, instances, small_instance_area, small_instance_weight
    )
    image_size = semantic.sem_seg.shape[-2:]
    labels, ids = coarse_maps(semantic.sem_seg, instances, feature_size)
    cells = to_cells(instances.centroids, image_size, feature_size)
    per_pixel = cells_per_pixel(image_size, feature_size)
    sides = instances.bboxes[..., 2:] - instances.bboxes[..., :2]
    sides = torch.stack(
        [side * step for side, step in zip(sides.unbind(-1), per_pixel, strict=True)], dim=-1
    )
    # The batch's channels are those of one map.
    channels = num_things_classes * torch.arange(len(labels), device=labels.device)
    heatmap = centroid_heatmap(
        instances.place(cells).flatten(0, 1),
        (instances.labels + channels[:, None]).flatten(),
        sides.flatten(0, 1),
        num_classes=num_things_classes * len(labels),
        size=feature_size,
        min_overlap=min_overlap,
        min_radius=min_radius,
    )
    visible = _occurring(ids, instances.labels.shape[1])
    rows = torch.arange(visible.shape[1], device=ids.device)
    at_centroid = ids.flatten(1).gather(1, cells[..., 1] * feature_size[1] + cells[..., 0])
    return PanopticTargets(
        sem_seg=semantic.sem_seg,
        pixel_weights=semantic.pixel_weights,
        labels=labels,
        instance_ids=ids,
        present=_occurring(labels, num_classes),
        visible=visible,
        has_centroid=visible & (at_centroid == rows),
        instance_labels=instances.labels,
        centroids=cells,
        heatmap=heatmap.view(len(labels), num_things_classes, *feature_size),
        heatmap_mask=(labels >= 0)[:, None],
    )


def _occurring(maps: Tensor, count: int) -> Tensor:
    """Which of ``count`` values each of B maps (h, w) has: (B, count) bool; -1 is not asked for."""
    found = torch.zeros(len(maps), count + 1, dtype=torch.bool, device=maps.device)
    return found.scatter(1, maps.flatten(1) + 1, True)[:, 1:]
