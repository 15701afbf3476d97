"""Offsets to the instance's center (Panoptic-DeepLab).

Shape shorthand:
    B: images of a batch
    h, w: map at stride 4
"""

import torch
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn

from ..models.layers import conv5x5


@MODELS.register_module()
class OffsetHead(BaseModule):
    """5x5 -> 32 -> 1x1 -> 2: from every pixel to the center of its instance.

    The convolutions give cells of the map, which have the size of their other outputs; the head
    gives pixels of the network's input.

    Args:
        in_channels: Channels of the instance decoder.
        hidden_channels: Width between the two convolutions.
        stride: Input pixels per cell of the feature map.
        separable: A depthwise-separable 5x5 convolution.
        norm_cfg: Norm after the 5x5 convolution.
        act_cfg: Activation after the 5x5 convolution.
        init_cfg: mmengine's initialization; with None the offsets start near 0.
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int = 32,
        stride: int = 4,
        separable: bool = False,
        norm_cfg: dict | None = dict(type='BN'),  # noqa: B006
        act_cfg: dict | None = dict(type='ReLU'),  # noqa: B006
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        if init_cfg is None:
            predictor = dict(name='predictor', type='Normal', std=0.01)
            init_cfg = dict(type='Normal', override=predictor)
        super().__init__(init_cfg)
        self.stride = stride
        self.hidden = conv5x5(in_channels, hidden_channels, separable, norm_cfg, act_cfg)
        self.predictor = nn.Conv2d(hidden_channels, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Predict.

        Args:
            x: Instance decoder's features, (B, in_channels, h, w) float.

        Returns:
            (B, 2, h, w) xy, in pixels of the network's input; at least float32.
        """
        cells = self.predictor(self.hidden(x))
        return cells.to(torch.promote_types(cells.dtype, torch.float32)) * self.stride
