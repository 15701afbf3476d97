"""The semantic part of a panoptic detector's training: its targets and its loss.

Shape shorthand:
    B: images of a batch
    C: categories
    K: instances of one image
    H, W: padded input
    h, w: feature map
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from mmdet.structures import DetDataSample
from torch import Tensor, nn
from torch.nn import functional as F

from .coarse_maps import nearest


@dataclass
class SemanticTargets:
    """What the semantic loss needs to know about a batch.

    Attributes:
        sem_seg: (B, H, W) long, 255 = ignore.
        pixel_weights: (B, H, W) float, weights of the semantic cross-entropy.
    """

    sem_seg: Tensor
    pixel_weights: Tensor


def build_semantic_targets(
    data_samples: Sequence[DetDataSample],
    numbers: Sequence[Tensor],
    small_instance_area: float,
    small_instance_weight: float,
) -> SemanticTargets:
    """Labels, and weights of the pixels, which count more in small instances.

    Args:
        data_samples: B samples, packed and padded.
        numbers: Their :func:`einet.models.coarse_maps.instance_numbers`.
        small_instance_area: Instances below this area, in pixels after scaling and cropping,
            count more.
        small_instance_weight: Their weight.
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


def semantic_loss(loss: nn.Module, logits: Tensor, targets: SemanticTargets, stride: int) -> Tensor:
    """L_sem of a batch.

    Args:
        loss: Takes logits, labels and weights. With an attribute ``upsamples`` that is true it
            gets the logits as they are, otherwise at the labels' size.
        logits: (B, C, h, w).
        targets: Labels and weights of the batch.
        stride: Compare at this fraction of the input's resolution.

    Returns:
        Scalar.
    """
    height, width = targets.sem_seg.shape[-2:]
    size = (-(-height // stride), -(-width // stride))
    labels, weights = (nearest(m, size) for m in (targets.sem_seg, targets.pixel_weights))
    if not getattr(loss, 'upsamples', False):
        logits = F.interpolate(logits, size, mode='bilinear', align_corners=False)
    return loss(logits, labels, weights)


def _small_instance_weights(numbers: Tensor, areas: Tensor, area: float, weight: float) -> Tensor:
    """(H, W) weights: ``weight`` inside instances smaller than ``area``, 1 elsewhere."""
    table = areas.new_ones(len(areas) + 1)
    table[1:][areas < area] = weight
    return table[numbers]
