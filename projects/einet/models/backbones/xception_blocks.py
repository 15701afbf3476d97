"""Blocks of aligned Xception; parameter names as in timm's ``xception_aligned``.

Shape shorthand:
    B: images of a batch
    h, w: feature map
"""

import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from torch import Tensor, nn


class ConvNorm(nn.Module):
    """A convolution without bias, and a norm. Sizes shrink to ceil(size / stride)."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, stride: int, norm_cfg: dict
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel, stride, padding=kernel // 2, bias=False
        )
        self.bn = build_norm_layer(norm_cfg, out_channels)[1]

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, h, w) to (B, out_channels, ceil(h / stride), ceil(w / stride))."""
        return self.bn(self.conv(x))


class SeparableConv(nn.Module):
    """Depthwise 3x3 and pointwise 1x1, each normed; ``with_relu`` also puts a ReLU after each."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        dilation: int,
        with_relu: bool,
        norm_cfg: dict,
    ) -> None:
        super().__init__()
        self.with_relu = with_relu
        self.conv_dw = nn.Conv2d(
            in_channels,
            in_channels,
            3,
            stride,
            padding=dilation,
            dilation=dilation,
            groups=in_channels,
            bias=False,
        )
        self.bn_dw = build_norm_layer(norm_cfg, in_channels)[1]
        self.conv_pw = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.bn_pw = build_norm_layer(norm_cfg, out_channels)[1]

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, h, w) to (B, out_channels, ceil(h / stride), ceil(w / stride))."""
        x = self.bn_dw(self.conv_dw(x))
        if self.with_relu:
            x = F.relu(x, inplace=True)
        x = self.bn_pw(self.conv_pw(x))
        return F.relu(x, inplace=True) if self.with_relu else x


class XceptionBlock(nn.Module):
    """Three separable convolutions, of which the last strides, beside a shortcut.

    Args:
        in_channels: Channels of the input.
        widths: Output channels of the three convolutions.
        stride: Stride of the last convolution and of the shortcut.
        dilation: Dilation of the three convolutions.
        project: The shortcut is a 1x1 convolution, not the identity.
        norm_cfg: Norm layer.
        last: The network's last block: no shortcut, and ReLUs after the convolutions, not before.
    """

    def __init__(
        self,
        in_channels: int,
        widths: tuple[int, int, int],
        stride: int,
        dilation: int,
        project: bool,
        norm_cfg: dict,
        last: bool = False,
    ) -> None:
        super().__init__()
        self.last = last
        self.shortcut = None
        if project:
            self.shortcut = ConvNorm(in_channels, widths[-1], 1, stride, norm_cfg)
        self.stack = nn.ModuleDict()
        for i, (cin, cout) in enumerate(zip((in_channels, *widths), widths, strict=False)):
            self.stack[f'conv{i + 1}'] = SeparableConv(
                cin, cout, stride if i == 2 else 1, dilation, last, norm_cfg
            )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Run the block.

        Args:
            x: (B, in_channels, h, w) float.

        Returns:
            The output (B, widths[2], h', w'), and what enters the last, strided convolution,
            (B, widths[1], h, w): the finest features of their resolution's end.
        """
        convs = list(self.stack.values())
        if self.last:
            before = convs[1](convs[0](x))
            return convs[2](before), before
        # Not in place: the shortcut reads x as well.
        y = convs[0](F.relu(x))
        before = F.relu(convs[1](F.relu(y, inplace=True)), inplace=True)
        skip = x if self.shortcut is None else self.shortcut(x)
        return convs[2](before) + skip, before
