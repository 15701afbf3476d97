"""The instance decoder, supplementary Fig. 1 (bottom).

Shape shorthand:
    B: images of a batch
    c4, c8, c16: channels of the features at stride 4, at stride 8 and of the last one
"""

from collections.abc import Sequence

import torch
from mmcv.cnn import ConvModule
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor

from ..layers import check_picks, conv5x5, pick_features, upsample_like


@MODELS.register_module()
class InstanceDecoder(BaseModule):
    """Two cascaded pairs of paths, one with and one without the skip, supplementary Fig. 1.

    At stride 8 and again at stride 4 the features go through a 5x5 convolution once as they are
    and once with the skip added; both halves are concatenated. There is no ASPP. It upsamples to
    the skips' own sizes, so a last feature of stride 16 or 32 and any image size work.

    Args:
        in_channels: (c4, c8, c16), channels of the three picked features.
        in_index: Positions of the stride-4, stride-8 and last feature in the backbone's outputs.
        channels: Width of the decoder and of its output, even; a path has half of it.
        separable: Depthwise-separable 5x5 convolutions.
        norm_cfg: Norm layer.
        act_cfg: Activation.
        init_cfg: mmengine's initialization; None leaves mmcv's Kaiming initialization.

    Raises:
        ValueError: ``in_channels`` or ``in_index`` of a wrong length, or odd ``channels``.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        in_index: Sequence[int] = (0, 1, -1),
        channels: int = 256,
        separable: bool = False,
        norm_cfg: dict | None = dict(type='BN'),  # noqa: B006
        act_cfg: dict | None = dict(type='ReLU'),  # noqa: B006
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_picks(type(self).__name__, in_channels, in_index)
        if channels % 2:
            raise ValueError(
                f'InstanceDecoder: channels must be even, as two paths share them, got {channels}.'
            )
        self.in_channels = tuple(in_channels)
        self.in_index = tuple(in_index)
        self.channels = channels
        c4, c8, c16 = in_channels
        half = channels // 2
        layer = dict(norm_cfg=norm_cfg, act_cfg=act_cfg)

        self.reduce = ConvModule(c16, channels, 1, **layer)
        self.skip8 = ConvModule(c8, channels, 1, **layer)
        self.plain8 = conv5x5(channels, half, separable, **layer)
        self.skipped8 = conv5x5(channels, half, separable, **layer)
        self.skip4 = ConvModule(c4, channels, 1, **layer)
        self.plain4 = conv5x5(channels, half, separable, **layer)
        self.skipped4 = conv5x5(channels, half, separable, **layer)

    def forward(self, feats: Sequence[Tensor]) -> Tensor:
        """Decode.

        Args:
            feats: Backbone outputs, each (B, C_i, h_i, w_i).

        Returns:
            (B, channels, h, w) float at stride 4.

        Raises:
            ValueError: The features do not fit ``in_index`` and ``in_channels``.
        """
        feat4, feat8, last = pick_features(
            type(self).__name__, feats, self.in_channels, self.in_index
        )
        a = upsample_like(self.reduce(last), feat8)
        paths8 = [self.plain8(a), self.skipped8(a + self.skip8(feat8))]
        # Upsampling the concatenation equals concatenating the upsampled paths.
        b = upsample_like(torch.cat(paths8, dim=1), feat4)
        return torch.cat([self.plain4(b), self.skipped4(b + self.skip4(feat4))], dim=1)
