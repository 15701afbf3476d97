"""Panoptic-DeepLab's training objective."""

from __future__ import annotations

from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor

from ..models.criterion import semantic_loss
from .targets import CenterTargets


@MODELS.register_module()
class PanopticDeepLabCriterion(BaseModule):
    """Sum of the semantic, the heatmap and the offset loss (Cheng et al., CVPR 2020).

    A batch without instances or labels gives finite, graph-connected zeros.

    Args:
        semantic: loss config, of logits, labels and weights.
        heatmap: loss config, of logits, target and mask.
        offset: loss config, of offsets, target and mask.
        semantic_stride: compare the logits at this fraction of the input's resolution, see
            :class:`EINetCriterion`. The other two losses are taken at the maps' own stride; the
            original upsamples these maps as well.
    """

    def __init__(
        self,
        semantic: dict,
        heatmap: dict,
        offset: dict,
        semantic_stride: int = 1,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.semantic_stride = semantic_stride
        self.semantic = MODELS.build(semantic)
        self.heatmap = MODELS.build(heatmap)
        self.offset = MODELS.build(offset)

    def forward(
        self,
        semantic_logits: Tensor,
        heatmap_logits: Tensor,
        offsets: Tensor,
        targets: CenterTargets,
    ) -> dict[str, Tensor]:
        """Losses by key, each a scalar.

        Args:
            semantic_logits: (B, C, h, w).
            heatmap_logits: (B, 1, h, w).
            offsets: (B, 2, h, w) xy, pixels of the network's input.
            targets: of the batch.
        """
        return {
            'loss_semantic': semantic_loss(
                self.semantic, [semantic_logits], targets, self.semantic_stride
            ),
            'loss_heatmap': self.heatmap(heatmap_logits, targets.heatmap, targets.heatmap_mask),
            'loss_offset': self.offset(offsets, targets.offsets, targets.offset_mask),
        }
