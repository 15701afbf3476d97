"""Panoptic-DeepLab's training objective."""

from __future__ import annotations

from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor

from ..models.semantics import semantic_loss
from .outputs import PanopticDeepLabOutputs
from .targets import CenterTargets


@MODELS.register_module()
class PanopticDeepLabCriterion(BaseModule):
    """Sum of the semantic, the heatmap and the offset loss (Cheng et al., CVPR 2020).

    A batch without instances or labels gives finite, graph-connected zeros.

    Args:
        semantic: Loss config; takes logits, labels and weights.
        heatmap: Loss config; takes logits, target and mask.
        offset: Loss config; takes offsets, target and mask.
        semantic_stride: Compare the logits at this fraction of the input's resolution, see
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

    def forward(self, outputs: PanopticDeepLabOutputs, targets: CenterTargets) -> dict[str, Tensor]:
        """Losses by key, each a scalar.

        Args:
            outputs: Maps of the batch.
            targets: What they should be.
        """
        semantic = semantic_loss(
            self.semantic, [outputs.semantic_logits], targets, self.semantic_stride
        )
        heatmap = self.heatmap(outputs.heatmap_logits, targets.heatmap, targets.heatmap_mask)
        offset = self.offset(outputs.offsets, targets.offsets, targets.offset_mask)
        return {'loss_semantic': semantic, 'loss_heatmap': heatmap, 'loss_offset': offset}
