"""Smooth random maps, as of a network that has learned something."""

import torch
import torch.nn.functional as F

from einet.models.outputs import EINetOutputs


def smooth_maps(seed: int, channels: int, size: tuple[int, int], batch: int = 2) -> torch.Tensor:
    """Maps (batch, channels, *size) with hills a few cells wide."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(batch, channels, size[0] // 4, size[1] // 4, generator=generator) * 3
    return F.interpolate(coarse, size=size, mode='bicubic')


def outputs_of(semantic_logits, heatmap_logits, embedding, image: int) -> EINetOutputs:
    """What the fusion reads, of one image of the batch."""
    return EINetOutputs(
        semantic_embedding=None,
        semantic_attention=None,
        semantic_logits=semantic_logits[image],
        raw_instance_embedding=None,
        instance_embedding=embedding[image],
        instance_attention=None,
        heatmap_logits=heatmap_logits[image],
    )
