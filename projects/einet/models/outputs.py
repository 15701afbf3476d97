"""What the detectors give: the network's maps, and predictions in mmdet's samples.

Shape shorthand:
    B: images of a batch
    C: categories, C_th of them things (first)
    D: embedding width
    h, w: maps at stride 4
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData, PixelData
from torch import Tensor

from ..functional.merging import PanopticResult

Outputs = TypeVar('Outputs', bound=tuple)


class EINetOutputs(NamedTuple):
    """The network's maps for a batch, all at stride 4.

    Attributes:
        semantic_embedding: S, (B, D, h, w).
        semantic_attention: (B, 1, h, w) in (0, 1).
        semantic_logits: (B, C, h, w), from the raw semantic embedding.
        raw_instance_embedding: I without pixel positions, (B, D, h, w).
        instance_embedding: I, (B, D, h, w).
        instance_attention: (B, 1, h, w) in (0, 1).
        heatmap_logits: (B, C_th, h, w).
    """

    semantic_embedding: Tensor
    semantic_attention: Tensor
    semantic_logits: Tensor
    raw_instance_embedding: Tensor
    instance_embedding: Tensor
    instance_attention: Tensor
    heatmap_logits: Tensor


class PredictionMaps(NamedTuple):
    """Those of :class:`EINetOutputs` that :class:`EmbeddingPanopticFusion` reads.

    Attributes:
        semantic_logits: (B, C, h, w), from the raw semantic embedding.
        heatmap_logits: (B, C_th, h, w).
        instance_embedding: I, (B, D, h, w).
    """

    semantic_logits: Tensor
    heatmap_logits: Tensor
    instance_embedding: Tensor


def split_outputs(outputs: Outputs) -> list[Outputs]:
    """The outputs of each image.

    Args:
        outputs: Named tuple of maps of a batch.

    Returns:
        B named tuples of the same type, whose maps lack the first axis.
    """
    return [outputs._make(image) for image in zip(*outputs, strict=True)]


def write_prediction(sample: DetDataSample, result: PanopticResult) -> None:
    """Store one image's panoptic result in its sample."""
    sample.pred_panoptic_seg = PixelData(sem_seg=result.panoptic[None])
    sample.pred_sem_seg = PixelData(sem_seg=result.sem_seg[None])
    sample.pred_instances = InstanceData(
        labels=result.labels,
        scores=result.scores,
        panoptic_ids=result.panoptic_ids,
        centroids=result.centroids,
    )
    if result.embeddings is not None:
        sample.pred_instances.embeddings = result.embeddings
