"""Panoptic-DeepLab's training objective."""

from __future__ import annotations

from collections.abc import Mapping

from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn

from ..models.semantics import semantic_loss
from .outputs import PanopticDeepLabOutputs
from .targets import CenterTargets

LOSSES = ('semantic', 'heatmap', 'offset')


@MODELS.register_module()
class PanopticDeepLabCriterion(BaseModule):
    """Sum of the semantic, the heatmap and the offset loss (Cheng et al., CVPR 2020).

    A batch without instances or labels gives finite, graph-connected zeros.

    Args:
        losses: Loss configs by name. ``semantic``: of logits, labels and weights; ``heatmap``: of
            logits, target and mask; ``offset``: of offsets, target and mask.
        semantic_stride: Fraction of the input's resolution at which the logits are compared, see
            :class:`EINetCriterion`. The other two losses are taken at the maps' own stride; the
            original upsamples these maps as well.

    Raises:
        ValueError: ``losses`` lacks one of the three or has another one.
    """

    def __init__(
        self,
        losses: Mapping[str, dict],
        semantic_stride: int = 1,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if set(losses) != set(LOSSES):
            raise ValueError(
                f'PanopticDeepLabCriterion: losses must be {LOSSES}, got {tuple(losses)}.'
            )
        self.semantic_stride = semantic_stride
        self.losses = nn.ModuleDict({name: MODELS.build(cfg) for name, cfg in losses.items()})

    def forward(self, outputs: PanopticDeepLabOutputs, targets: CenterTargets) -> dict[str, Tensor]:
        """Losses by key, each a scalar.

        Args:
            outputs: Maps of the batch.
            targets: What they should be.
        """
        semantic = semantic_loss(
            self.losses['semantic'], outputs.semantic_logits, targets, self.semantic_stride
        )
        heatmap = self.losses['heatmap'](
            outputs.heatmap_logits, targets.heatmap, targets.heatmap_mask
        )
        offset = self.losses['offset'](outputs.offsets, targets.offsets, targets.offset_mask)
        return {'loss_semantic': semantic, 'loss_heatmap': heatmap, 'loss_offset': offset}
