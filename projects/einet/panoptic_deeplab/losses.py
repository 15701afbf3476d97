"""Registered loss of Panoptic-DeepLab's offsets."""

from mmdet.registry import MODELS
from torch import Tensor, nn

from ..models.ranks import mean_over_ranks
from .offsets import offset_l1_loss


@MODELS.register_module()
class OffsetL1Loss(nn.Module):
    """L1 loss of center offsets, see :func:`einet.panoptic_deeplab.offsets.offset_l1_loss`."""

    def __init__(self, loss_weight: float = 0.01) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, offsets: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """Loss of a batch; offsets and target (B, 2, h, w), mask (B, 1, h, w)."""
        return self.loss_weight * offset_l1_loss(offsets, target, mask, mean_over_ranks)
