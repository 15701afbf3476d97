"""The EINet detector: it wires the parts together and does nothing else.

Shape shorthand:
    B: images of a batch
    C: categories, C_th of them things (first)
    D: embedding width
    H, W: padded input
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmdet.registry import MODELS
from mmdet.structures import OptSampleList, SampleList
from torch import Tensor

from ..functional.parts import split_rows
from .criterion import EmbeddingSummary, TrainingOutputs
from .detector import PanopticDetector
from .outputs import EINetOutputs
from .targets import PanopticTargets, build_targets


@MODELS.register_module()
class EINet(PanopticDetector):
    """Embedding-Interaction based Panoptic Segmentation.

    The embedding's width stands here once and is handed to the parts.

    Args:
        semantic_head: See :class:`SemanticEmbeddingHead`.
        instance_head: See :class:`InstanceEmbeddingHead`.
        centroid_head: See :class:`CentroidHeatmapHead`.
        esm: Extract and summary module, see :class:`ESM`.
        interaction: See :class:`InteractionHead`.
        embed_dims: D.
        **kwargs: See :class:`PanopticDetector`. Here ``criterion`` is an :class:`EINetCriterion`,
            ``fusion`` an :class:`EmbeddingPanopticFusion`, and ``targets`` has options of
            :func:`einet.models.targets.build_targets`: ``small_instance_area``,
            ``small_instance_weight``, ``min_overlap``, ``min_radius``.
    """

    def __init__(
        self,
        *,
        semantic_head: dict,
        instance_head: dict,
        centroid_head: dict,
        esm: dict,
        interaction: dict,
        embed_dims: int = 256,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        width = {'embed_dims': embed_dims}
        classes = {'num_classes': self.num_classes}
        things = {'num_things_classes': self.num_things_classes}
        self.semantic_head = MODELS.build({**classes, **width, **semantic_head})
        self.instance_head = MODELS.build({**width, **instance_head})
        self.centroid_head = MODELS.build({'in_channels': embed_dims, **things, **centroid_head})
        self.esm = MODELS.build(esm)
        self.interaction = MODELS.build({**self.class_counts, **width, **interaction})
        self._finish()

    def _forward(
        self, batch_inputs: Tensor, batch_data_samples: OptSampleList = None
    ) -> EINetOutputs:
        """The network's maps for a batch; mode ``'tensor'``.

        Args:
            batch_inputs: (B, 3, H, W) float, normalized.
            batch_data_samples: Not used.
        """
        features = self.extract_feat(batch_inputs)
        semantic = self.semantic_head(self.semantic_decoder(features))
        instance = self.instance_head(self.instance_decoder(features))
        return EINetOutputs(
            semantic_embedding=semantic.embedding,
            semantic_attention=semantic.attention,
            semantic_logits=self.semantic_head.classify(semantic.embedding),
            raw_instance_embedding=instance.raw,
            instance_embedding=instance.embedding,
            instance_attention=instance.attention,
            heatmap_logits=self.centroid_head(instance.raw),
        )

    def build_targets(
        self, data_samples: SampleList, feature_size: tuple[int, int]
    ) -> PanopticTargets:
        """What the losses compare with.

        Args:
            data_samples: B samples, packed and padded.
            feature_size: (h, w) of the network's maps.
        """
        return build_targets(
            data_samples,
            feature_size=feature_size,
            num_things_classes=self.num_things_classes,
            num_classes=self.num_classes,
            **self.target_options,
        )

    def loss(self, batch_inputs: Tensor, batch_data_samples: SampleList) -> dict[str, Tensor]:
        """Losses of a batch by key, Eq. (10).

        Args:
            batch_inputs: (B, 3, H, W) float, normalized.
            batch_data_samples: B samples as packed by :class:`PackPanopticInputs`.
        """
        outputs = self._forward(batch_inputs)
        targets = self.build_targets(batch_data_samples, outputs.semantic_logits.shape[-2:])
        # Bands that are shared by all uses: their gradients add up band by band.
        semantic_embedding = split_rows(outputs.semantic_embedding)
        instance_embedding = split_rows(outputs.instance_embedding)
        summary = self._summarize(semantic_embedding, instance_embedding, outputs, targets)
        centers = self.interaction(
            summary.raw_instance_means,
            targets.instance_labels,
            targets.visible,
            summary.category_means,
            targets.present,
        )
        semantic_logits, center_logits = self._training_logits(outputs, targets, centers)
        compared = TrainingOutputs(
            semantic_logits=semantic_logits,
            center_logits=center_logits,
            heatmap_logits=outputs.heatmap_logits,
            semantic_embedding=semantic_embedding,
            instance_embedding=instance_embedding,
        )
        losses = self.criterion(outputs=compared, targets=targets, summary=summary, centers=centers)
        losses['loss_unused'] = _zero(outputs)
        return losses

    def _summarize(
        self,
        semantic_embedding: Sequence[Tensor],
        instance_embedding: Sequence[Tensor],
        outputs: EINetOutputs,
        targets: PanopticTargets,
    ) -> EmbeddingSummary:
        """V, E and O of the batch, Fig. 3."""
        attention, ids = outputs.instance_attention, targets.instance_ids
        count = targets.visible.shape[1]
        category_means = self.esm(
            semantic_embedding, outputs.semantic_attention, targets.labels, self.num_classes
        )
        means = self.esm(instance_embedding, attention, ids, count)
        raw_means = means
        if outputs.raw_instance_embedding is not outputs.instance_embedding:
            raw_embedding = split_rows(outputs.raw_instance_embedding)
            raw_means = self.esm(raw_embedding, attention, ids, count)
        return EmbeddingSummary(
            category_means=category_means,
            instance_means=means,
            raw_instance_means=raw_means,
            centroid_embeddings=self.esm.centroids(outputs.instance_embedding, targets.centroids),
        )

    def _training_logits(
        self, outputs: EINetOutputs, targets: PanopticTargets, centers: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Logits that the semantic loss sees, and those of the centers of things, Eq. (4)."""
        head, interaction = self.semantic_head, self.interaction
        if interaction.calibration == 'replace':
            embedding = outputs.semantic_embedding
            return head.classify(interaction.calibrated(embedding, targets.labels, centers)), None
        if interaction.calibration == 'extra':
            return outputs.semantic_logits, head.classify_centers(
                interaction.thing_centers(centers)
            )
        return outputs.semantic_logits, None


def _zero(outputs: EINetOutputs) -> Tensor:
    """0 with a gradient, also 0, for every parameter: what DistributedDataParallel asks for.

    Without it a batch of void, or a loss that is left out, would leave some without any.
    """
    heads = (
        outputs.semantic_logits,
        outputs.semantic_attention,
        outputs.instance_attention,
        outputs.heatmap_logits,
    )
    return sum(maps.sum(dtype=torch.float32) * 0 for maps in heads)
