"""The training objective, Eq. (10).

Shape shorthand:
    B: images of a batch
    C: categories, C_th of them things (first)
    K: most instances of an image
    D: embedding width
    h, w: feature map at stride 4
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn

from ..functional.losses import center_cross_entropy
from ..functional.parts import pixels, split_like
from .ranks import mean_over_ranks
from .semantics import semantic_loss
from .targets import PanopticTargets

LOSSES = ('semantic', 'heatmap', 'center', 'push', 'pull', 'consistency', 'centroid')


class TrainingOutputs(NamedTuple):
    """The network's maps that the losses read.

    Attributes:
        semantic_logits: (B, C, h, w), of the raw embedding, or of the calibrated one in
            :class:`InteractionHead`'s mode ``'replace'``.
        center_logits: (B, C_th, C), of each image's centers of things in the mode ``'extra'``,
            otherwise None.
        heatmap_logits: (B, C_th, h, w).
        semantic_embedding: S, (B, D, h, w), in bands of rows.
        instance_embedding: I, (B, D, h, w), in bands of rows.
    """

    semantic_logits: Tensor
    center_logits: Tensor | None
    heatmap_logits: Tensor
    semantic_embedding: Sequence[Tensor]
    instance_embedding: Sequence[Tensor]


class EmbeddingSummary(NamedTuple):
    """What the extract-and-summary module takes from a batch.

    Attributes:
        category_means: V, (B, C, D).
        instance_means: E, (B, K, D), of the embedding that groups pixels.
        raw_instance_means: The same without pixel positions.
        centroid_embeddings: O, (B, K, D).
    """

    category_means: Tensor
    instance_means: Tensor
    raw_instance_means: Tensor
    centroid_embeddings: Tensor


@MODELS.register_module()
class EINetCriterion(BaseModule):
    """Weighted sum of the method's losses, Eq. (10).

    Terms on one image's instances are averaged over the images that have instances, the
    semantic-center term over the images that have labels, those of all ranks. A batch without any
    gives finite, graph-connected zeros.

    Args:
        losses: Loss configs by name; ``None`` leaves a term out. ``semantic``: L_sem on the logits;
            ``heatmap``: L_hm; ``center``, ``push``, ``pull``: Eq. (1); ``consistency``: R_ins
            (Table 3's InsAug), Eq. (7); ``centroid``: L_cen (Table 3's CenReg), Eq. (8).
        calibrated_weight: Weight of the cross-entropy of the centers' logits, ``loss_calibrated``,
            a mean over an image's categories of things; left out with ``semantic``. A step moves Q
            by 1 - mu of an image's own mean, so that the gradient is a tenth of what it would be
            for that mean.
        semantic_stride: Compare the logits at this fraction of the input's resolution; 1 is the
            whole, 2 takes a quarter of the memory and time, which matters with many classes.
    """

    def __init__(
        self,
        losses: Mapping[str, dict | None],
        calibrated_weight: float = 3.0,
        semantic_stride: int = 1,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.calibrated_weight = calibrated_weight
        self.semantic_stride = semantic_stride
        unknown = set(losses) - set(LOSSES)
        if unknown:
            raise ValueError(f'EINetCriterion: unknown losses {sorted(unknown)}; known: {LOSSES}')
        self.losses = nn.ModuleDict(
            {name: MODELS.build(cfg) for name, cfg in losses.items() if cfg is not None}
        )

    def forward(
        self,
        outputs: TrainingOutputs,
        targets: PanopticTargets,
        summary: EmbeddingSummary,
        centers: Tensor,
    ) -> dict[str, Tensor]:
        """Losses by key, each a scalar.

        Args:
            outputs: Maps of the batch.
            targets: What they should be.
            summary: E, V and O.
            centers: Q as each image sees it, (B, C, D).
        """
        means, visible = summary.instance_means, targets.visible
        # Arguments of the losses that give a value for every image.
        by_image = {
            'center': (*_pixels(outputs.semantic_embedding, targets.labels), centers),
            'push': (means, visible),
            'pull': (*_pixels(outputs.instance_embedding, targets.instance_ids), means),
            'consistency': (
                summary.raw_instance_means,
                targets.instance_labels,
                centers,
                targets.present,
                visible,
            ),
            'centroid': (means, summary.centroid_embeddings, targets.has_centroid),
        }
        things = targets.present[:, : targets.heatmap.shape[1]]
        counts = [mask.any(dim=1).sum() for mask in (targets.present, visible, things)]
        num_labeled, num_filled, num_with_things = mean_over_ranks(torch.stack(counts))
        values = {}
        for name, loss in self.losses.items():
            if name == 'semantic':
                value = semantic_loss(loss, outputs.semantic_logits, targets, self.semantic_stride)
            elif name == 'heatmap':
                value = loss(outputs.heatmap_logits, targets.heatmap, targets.heatmap_mask)
            else:
                count = num_labeled if name == 'center' else num_filled
                value = loss(*by_image[name]).sum() / count
            values[f'loss_{name}'] = value
        if 'semantic' in self.losses and outputs.center_logits is not None:
            value = center_cross_entropy(outputs.center_logits, things).sum() / num_with_things
            values['loss_calibrated'] = self.calibrated_weight * value
        return values


def _pixels(embedding: Sequence[Tensor], maps: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Embeddings (B, N, D) and values of (B, h, w) maps (B, N), both of the embeddings' bands."""
    return pixels(embedding), [band.flatten(1) for band in split_like(maps, embedding)]
