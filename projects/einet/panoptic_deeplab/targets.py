"""Panoptic-DeepLab's training targets, built once per batch from the packed samples.

Shape shorthand:
    B: images of a batch
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

from ..functional.segments import centers_of_mass
from ..models.coarse_maps import coarse_maps, instance_numbers, to_cells
from ..models.semantics import SemanticTargets, build_semantic_targets
from .offsets import center_heatmap, offset_targets


@dataclass
class CenterTargets(SemanticTargets):
    """What Panoptic-DeepLab's losses need to know about a batch, besides the semantic targets.

    Attributes:
        heatmap: (B, 1, h, w) float in [0, 1], of all thing classes.
        heatmap_mask: (B, 1, h, w) bool, False on void and crowd.
        offsets: (B, 2, h, w) float xy, from a cell's middle to its instance's center of mass, in
            pixels of the network's input.
        offset_mask: (B, 1, h, w) bool, True on instances.
    """

    heatmap: Tensor
    heatmap_mask: Tensor
    offsets: Tensor
    offset_mask: Tensor


def build_center_targets(
    data_samples: Sequence[DetDataSample],
    feature_size: tuple[int, int],
    small_instance_area: float = 4096,
    small_instance_weight: float = 3.0,
    sigma: float = 8.0,
) -> CenterTargets:
    """Targets of a batch of samples as packed by :class:`PackPanopticInputs` and padded alike.

    Args:
        data_samples: B samples with ``gt_sem_seg``, ``gt_panoptic_seg`` and ``gt_instances``.
        feature_size: (h, w).
        small_instance_area: Instances below this area, in pixels after scaling and cropping,
            count more in the semantic loss.
        small_instance_weight: Their weight.
        sigma: Spread of the heatmap's Gaussians, in pixels of the network's input.

    Returns:
        Targets on the samples' device.
    """
    numbers = [instance_numbers(sample) for sample in data_samples]
    semantic = build_semantic_targets(
        data_samples, numbers, small_instance_area, small_instance_weight
    )
    labels, ids, heatmaps, offsets = [], [], [], []
    for sample, own in zip(data_samples, numbers, strict=True):
        image_labels, image_ids = coarse_maps(sample, own, feature_size)
        centers = centers_of_mass(own - 1, len(sample.gt_instances))
        cells = to_cells(centers, own.shape, feature_size)
        labels.append(image_labels)
        ids.append(image_ids)
        heatmaps.append(center_heatmap(cells, feature_size, sigma * feature_size[0] / len(own)))
        offsets.append(offset_targets(image_ids, centers, tuple(own.shape)))
    return CenterTargets(
        sem_seg=semantic.sem_seg,
        pixel_weights=semantic.pixel_weights,
        heatmap=torch.stack(heatmaps),
        heatmap_mask=(torch.stack(labels) >= 0)[:, None],
        offsets=torch.stack(offsets),
        offset_mask=(torch.stack(ids) >= 0)[:, None],
    )
