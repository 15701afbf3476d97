"""Panoptic-DeepLab's training targets, built once per batch from the packed samples.

Shape shorthand:
    B: images of a batch
    H, W: padded input
    h, w: feature map at stride 4
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmdet.structures import DetDataSample
from torch import Tensor

from ..functional.segments import centers_of_mass
from ..models.coarse_maps import batch_instances, coarse_maps, to_cells
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
    instances = batch_instances(data_samples)
    semantic = build_semantic_targets(
        data_samples, instances, small_instance_area, small_instance_weight
    )
    height, width = semantic.sem_seg.shape[-2:]
    labels, ids = coarse_maps(semantic.sem_seg, instances, feature_size)
    centers = centers_of_mass(instances.numbers - 1, instances.labels.shape[1])
    cells = instances.place(to_cells(centers, (height, width), feature_size))
    return CenterTargets(
        sem_seg=semantic.sem_seg,
        pixel_weights=semantic.pixel_weights,
        heatmap=center_heatmap(cells, feature_size, sigma * feature_size[0] / height),
        heatmap_mask=(labels >= 0)[:, None],
        offsets=offset_targets(ids, centers, (height, width)),
        offset_mask=(ids >= 0)[:, None],
    )
