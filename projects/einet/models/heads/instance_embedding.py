"""Instance embedding I, with the pixel's position or without, and its attention (Fig. 2, top).

Shape shorthand:
    B: images of a batch
    D: embedding width
    h, w: map at stride 4
"""

from typing import NamedTuple

import torch
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn

from ..layers import attention_weights, embedding_conv5x5, embedding_init

POSITIONS = (None, 'add')


class InstanceEmbedding(NamedTuple):
    """What the head gives.

    Attributes:
        raw: I as convolved, (B, D, h, w) float: for the heatmap, R_ins and Eq. 2-3.
        embedding: I with positions, (B, D, h, w) float: for E, O, Eq. 1, 8 and 9. The very same
            tensor as ``raw`` without positions.
        attention: att_ins, (B, 1, h, w) float in (0, 1).
    """

    raw: Tensor
    embedding: Tensor
    attention: Tensor


def position_grid(height: int, width: int, stride: int, like: Tensor) -> Tensor:
    """Centers of a feature map's cells in input pixels.

    Args:
        height: Cells, h.
        width: Cells, w.
        stride: Input pixels per cell.
        like: Gives device and dtype.

    Returns:
        (2, h, w): channel 0 is x = (column + 0.5) * stride, channel 1 is y = (row + 0.5) * stride,
        from the input's left upper corner.
    """
    x = (torch.arange(width, device=like.device, dtype=like.dtype) + 0.5) * stride
    y = (torch.arange(height, device=like.device, dtype=like.dtype) + 0.5) * stride
    return torch.stack([x.expand(height, width), y[:, None].expand(height, width)])


@MODELS.register_module()
class InstanceEmbeddingHead(BaseModule):
    """5x5 -> I and 1x1 -> sigmoid attention (Fig. 2), optionally position-aware.

    A convolution gives two look-alike objects the same embedding. With ``position='add'`` the
    first two channels of I get the pixel's coordinates added, so the network predicts there the
    displacement to a point that all pixels of the instance agree on.

    Args:
        in_channels: Channels of the instance decoder.
        embed_dims: D; at least 2 with positions.
        position: None (the paper) or 'add'.
        position_scale: Input pixels per unit of embedding. Eq. 1 wants means 2 delta_d = 3 units
            apart, so a third of the usual distance between neighbors makes position alone enough.
        stride: Input pixels per cell of the feature map.
        separable: A depthwise-separable 5x5 convolution.
        norm_cfg: Norm after the depthwise convolution; unused when not ``separable``.
        act_cfg: Activation after the depthwise convolution; unused when not ``separable``.
        init_cfg: mmengine's initialization. With None, I starts with the scale of its input and
            the attention near 0.5 everywhere.

    Raises:
        ValueError: Unknown ``position``, a scale that is not positive, or D < 2 with positions.
    """

    def __init__(
        self,
        in_channels: int,
        embed_dims: int,
        position: str | None = None,
        position_scale: float = 16.0,
        stride: int = 4,
        separable: bool = False,
        norm_cfg: dict | None = dict(type='BN'),  # noqa: B006
        act_cfg: dict = dict(type='ReLU'),  # noqa: B006
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg or embedding_init('attention'))
        if position not in POSITIONS:
            raise ValueError(
                f'InstanceEmbeddingHead: position must be one of {POSITIONS}, got {position!r}.'
            )
        if position_scale <= 0:
            raise ValueError(
                'InstanceEmbeddingHead: position_scale is in input pixels per unit and must be '
                f'positive, got {position_scale}.'
            )
        if position is not None and embed_dims < 2:
            raise ValueError(
                "InstanceEmbeddingHead: position='add' puts x and y in two channels, so embed_dims "
                f'must be at least 2, got {embed_dims}.'
            )
        self.embed_dims = embed_dims
        self.position = position
        self.position_scale = position_scale
        self.stride = stride
        self.embedding = embedding_conv5x5(in_channels, embed_dims, separable, norm_cfg, act_cfg)
        self.attention = nn.Conv2d(in_channels, 1, 1)

    def forward(self, x: Tensor) -> InstanceEmbedding:
        """Embed.

        Args:
            x: Instance decoder's features, (B, in_channels, h, w) float.

        Returns:
            I raw and with positions, both (B, D, h, w), and the attention (B, 1, h, w) in (0, 1).
            With positions, the second is float32 also under mixed precision.
        """
        raw = self.embedding(x)
        return InstanceEmbedding(raw, self.located(raw), attention_weights(self.attention(x)))

    def located(self, raw: Tensor) -> Tensor:
        """I with positions, or as it is where the head has none; both (B, D, h, w) float."""
        return raw if self.position is None else self.add_position(raw)

    def add_position(self, raw: Tensor) -> Tensor:
        """Add each cell's coordinates, in units of ``position_scale`` pixels, to channels 0 and 1.

        Args:
            raw: I as convolved, (B, D, h, w) float.

        Returns:
            (B, D, h, w), at least float32: half precision cannot tell neighboring pixels of a
            large image apart.
        """
        raw = raw.to(torch.promote_types(raw.dtype, torch.float32))
        grid = position_grid(*raw.shape[-2:], self.stride, raw) / self.position_scale
        return torch.cat([raw[:, :2] + grid, raw[:, 2:]], dim=1)
