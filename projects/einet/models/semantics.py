"""The semantic part of a panoptic detector's training: its targets and its loss.

Shape shorthand:
    B: images of a batch
    C: categories
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

from .coarse_maps import BatchInstances, nearest


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
    instances: BatchInstances,
    small_instance_area: float,
    small_instance_weight: float,
) -> SemanticTargets:
    """Labels, and weights of the pixels, which count more in small instances.

    Args:
        data_samples: B samples, packed and padded.
        instances: Their instances.
        small_instance_area: Instances below this area, in pixels after scaling and cropping,
            count more.
        small_instance_weight: Their weight.
    """
    sem_seg = torch.stack([sample.gt_sem_seg.sem_seg[0] for sample in data_samples]).long()
    is_small = instances.exists & (instances.areas < small_instance_area)
    weights = torch.where(is_small, small_instance_weight, 1.0)
    # Number 0 is that of the pixels of no instance.
    weights = torch.cat([torch.ones_like(weights[:, :1]), weights], dim=1)
    pixel_weights = weights.gather(1, instances.numbers.flatten(1)).view_as(sem_seg)
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
    labels, weights = targets.sem_seg, targets.pixel_weights
    if stride != 1:
        height, width = labels.shape[-2:]
        size = (-(-height // stride), -(-width // stride))
        labels, weights = nearest(labels, size), nearest(weights, size)
    if not getattr(loss, 'upsamples', False):
        logits = F.interpolate(logits, labels.shape[-2:], mode='bilinear', align_corners=False)
    return loss(logits, labels, weights)
