"""The semantic decoder, supplementary Fig. 1 (top).

Shape shorthand:
    B: images of a batch
    c4, c8, c16: channels of the features at stride 4, at stride 8 and of the last one
"""

from collections.abc import Sequence

import torch
from mmcv.cnn import ConvModule
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from mmseg.models.decode_heads.aspp_head import ASPPModule
from mmseg.models.decode_heads.sep_aspp_head import DepthwiseSeparableASPPModule
from torch import Tensor

from ..layers import check_picks, conv5x5, pick_features, upsample_like


class ASPP(BaseModule):
    """Atrous spatial pyramid pooling: 1x1, dilated 3x3s and global image pooling, then 1x1.

    The parallel convolutions are mmseg's. The pooling branch has a bias in place of a norm: its
    map is 1x1, so a batch norm in training sees one value per channel when a rank holds one image
    (torch raises), and noise when it holds two. The pool is global, so any input size works.

    Args:
        in_channels: Channels of the input.
        channels: Channels of every branch.
        out_channels: Channels after the joining 1x1.
        dilations: Rates of the 3x3 convolutions.
        separable: Depthwise-separable 3x3 convolutions.
        norm_cfg: Norm of all convolutions but the pooling branch's.
        act_cfg: Activation of all convolutions.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        out_channels: int,
        dilations: Sequence[int],
        separable: bool,
        norm_cfg: dict | None,
        act_cfg: dict | None,
    ) -> None:
        super().__init__()
        branches = DepthwiseSeparableASPPModule if separable else ASPPModule
        # mmseg builds its 1x1 branch for the rate 1.
        self.convs = branches(
            dilations=(1, *dilations),
            in_channels=in_channels,
            channels=channels,
            conv_cfg=None,
            norm_cfg=norm_cfg,
            act_cfg=act_cfg,
        )
        self.pool = ConvModule(in_channels, channels, 1, act_cfg=act_cfg)
        self.project = ConvModule(
            (len(dilations) + 2) * channels, out_channels, 1, norm_cfg=norm_cfg, act_cfg=act_cfg
        )

    def forward(self, x: Tensor) -> Tensor:
        """Gather context.

        Args:
            x: (B, in_channels, h, w) float.

        Returns:
            (B, out_channels, h, w) float.
        """
        pooled = self.pool(x.mean(dim=(2, 3), keepdim=True)).expand(-1, -1, *x.shape[-2:])
        return self.project(torch.cat([*self.convs(x), pooled], dim=1))


@MODELS.register_module()
class SemanticDecoder(BaseModule):
    """ASPP and two skip connections, supplementary Fig. 1 (top).

    ASPP -> 1x1 -> up, concat the stride-8 skip (1x1) -> 5x5 -> up, concat the stride-4 skip
    (1x1) -> 5x5. It upsamples to the skips' own sizes, so a last feature of stride 16 or 32 and
    any image size work.

    Args:
        in_channels: (c4, c8, c16), channels of the three picked features.
        in_index: Positions of the stride-4, stride-8 and last feature in the backbone's outputs.
        channels: Width of the decoder and of its output.
        aspp_channels: Width of each ASPP branch.
        aspp_dilations: Rates of ASPP's 3x3 convolutions.
        skip_channels: Widths of the stride-8 and of the stride-4 skip.
        separable: Depthwise-separable 5x5 and dilated 3x3 convolutions.
        norm_cfg: Norm layer.
        act_cfg: Activation.
        init_cfg: mmengine's initialization; None leaves mmcv's Kaiming initialization.

    Raises:
        ValueError: ``in_channels``, ``in_index`` or ``skip_channels`` of a wrong length.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        in_index: Sequence[int] = (0, 1, -1),
        channels: int = 256,
        aspp_channels: int = 256,
        aspp_dilations: Sequence[int] = (6, 12, 18),
        skip_channels: Sequence[int] = (64, 32),
        separable: bool = False,
        norm_cfg: dict | None = dict(type='BN'),  # noqa: B006
        act_cfg: dict | None = dict(type='ReLU'),  # noqa: B006
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_picks(type(self).__name__, in_channels, in_index)
        if len(skip_channels) != 2:
            raise ValueError(
                'SemanticDecoder: skip_channels needs two numbers, for stride 8 and stride 4, '
                f'got {tuple(skip_channels)}.'
            )
        self.in_channels = tuple(in_channels)
        self.in_index = tuple(in_index)
        self.channels = channels
        c4, c8, c16 = in_channels
        skip8, skip4 = skip_channels
        layer = dict(norm_cfg=norm_cfg, act_cfg=act_cfg)

        self.aspp = ASPP(c16, aspp_channels, channels, aspp_dilations, separable, **layer)
        self.skip8 = ConvModule(c8, skip8, 1, **layer)
        self.fuse8 = conv5x5(channels + skip8, channels, separable, **layer)
        self.skip4 = ConvModule(c4, skip4, 1, **layer)
        self.fuse4 = conv5x5(channels + skip4, channels, separable, **layer)

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
        x = upsample_like(self.aspp(last), feat8)
        x = self.fuse8(torch.cat([x, self.skip8(feat8)], dim=1))
        x = upsample_like(x, feat4)
        return self.fuse4(torch.cat([x, self.skip4(feat4)], dim=1))
