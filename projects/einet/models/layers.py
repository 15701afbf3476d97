"""Layers that both decoders and all heads are made of.

Shape shorthand:
    B: images of a batch
    D: embedding width
    h, w: feature map
"""

from collections.abc import Sequence

import torch.nn.functional as F
from mmcv.cnn import ConvModule, DepthwiseSeparableConvModule
from torch import Tensor, nn

from ..functional.precision import full_precision


def conv5x5(
    in_channels: int,
    out_channels: int,
    separable: bool = False,
    norm_cfg: dict | None = None,
    act_cfg: dict | None = None,
) -> nn.Module:
    """Build the paper's 5x5 convolution (+ norm + activation) that keeps the size.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        separable: A depthwise 5x5 followed by a pointwise 1x1, each with its own norm and
            activation, as in Panoptic-DeepLab, at about 1/25 of the cost.
        norm_cfg: Norm layer; None for none.
        act_cfg: Activation; None for none.

    Returns:
        A module from (B, in_channels, h, w) to (B, out_channels, h, w).
    """
    layer = DepthwiseSeparableConvModule if separable else ConvModule
    return layer(in_channels, out_channels, 5, padding=2, norm_cfg=norm_cfg, act_cfg=act_cfg)


def embedding_conv5x5(
    in_channels: int, out_channels: int, separable: bool, norm_cfg: dict | None, act_cfg: dict
) -> nn.Module:
    """Build a 5x5 convolution whose output is linear: an embedding takes both signs.

    Args:
        in_channels: Channels of the input.
        out_channels: D, the embedding width.
        separable: A depthwise 5x5 with norm and activation before a linear pointwise 1x1.
        norm_cfg: Norm layer after the depthwise convolution; unused when not ``separable``.
        act_cfg: Activation after the depthwise convolution; unused when not ``separable``.

    Returns:
        A module from (B, in_channels, h, w) to (B, D, h, w).
    """
    if not separable:
        return nn.Conv2d(in_channels, out_channels, 5, padding=2)
    depthwise = ConvModule(
        in_channels,
        in_channels,
        5,
        padding=2,
        groups=in_channels,
        norm_cfg=norm_cfg,
        act_cfg=act_cfg,
    )
    return nn.Sequential(depthwise, nn.Conv2d(in_channels, out_channels, 1))


def embedding_init(*predictors: str) -> dict:
    """Initialization of an embedding head.

    By fan-in, the embedding starts with the scale of its input whatever D is, so the margins of
    Eq. 1 mean the same for every D.

    Args:
        predictors: Names of convolutions that start near zero: undecided.

    Returns:
        mmengine ``init_cfg``.
    """
    return dict(
        type='Kaiming',
        layer='Conv2d',
        mode='fan_in',
        override=[dict(name=name, type='Normal', std=0.01) for name in predictors],
    )


@full_precision
def attention_weights(logits: Tensor) -> Tensor:
    """Sigmoid in float32: in float16 it is 0 below -17, and a segment could have no weight.

    Args:
        logits: (B, 1, h, w) float.

    Returns:
        (B, 1, h, w) in (0, 1), at least float32.
    """
    return logits.sigmoid()


def upsample_like(x: Tensor, reference: Tensor) -> Tensor:
    """Resize bilinearly to another map's size, so that odd sizes and any stride fit.

    Args:
        x: (B, C, h, w) float.
        reference: (B, C', H, W); only its size is read.

    Returns:
        (B, C, H, W) float; corners are not aligned, as pixels are areas.
    """
    if x.shape[-2:] == reference.shape[-2:]:
        return x
    return F.interpolate(x, size=reference.shape[-2:], mode='bilinear', align_corners=False)


def check_picks(owner: str, in_channels: Sequence[int], in_index: Sequence[int]) -> None:
    """Fail at construction when a decoder's three inputs are not described by three numbers.

    Args:
        owner: Class name of the decoder, for the message.
        in_channels: Channels of the stride-4, stride-8 and last feature.
        in_index: Their positions among the backbone's outputs.

    Raises:
        ValueError: Not three numbers each.
    """
    for name, value in (('in_channels', in_channels), ('in_index', in_index)):
        if len(value) != 3:
            raise ValueError(
                f'{owner}: {name} needs three numbers, for the features at stride 4, at stride 8 '
                f'and the last one (stride 16 or 32), got {len(value)}: {tuple(value)}.'
            )


def pick_features(
    owner: str, feats: Sequence[Tensor], in_channels: Sequence[int], in_index: Sequence[int]
) -> list[Tensor]:
    """Take the stride-4, stride-8 and last feature out of a backbone's outputs.

    Args:
        owner: Class name of the decoder, for the messages.
        feats: Backbone outputs, each (B, C_i, h_i, w_i), fine to coarse.
        in_channels: Expected channels of the three picked features.
        in_index: Positions of the three features in ``feats``; negative ones count from the end.

    Returns:
        The three features, each (B, in_channels[i], h_i, w_i).

    Raises:
        ValueError: A position that the backbone does not deliver, or other channels than expected.
    """
    names = ('stride-4', 'stride-8', 'last')
    picked = []
    for name, index, channels in zip(names, in_index, in_channels, strict=True):
        if not -len(feats) <= index < len(feats):
            raise ValueError(
                f'{owner}: in_index asks for output {index} of the backbone as the {name} '
                f'feature, but it delivers {len(feats)}; set out_indices of the backbone or '
                'in_index of the decoder.'
            )
        if feats[index].shape[1] != channels:
            raise ValueError(
                f'{owner}: the {name} feature (output {index} of the backbone) has '
                f'{feats[index].shape[1]} channels, in_channels says {channels}; the backbone '
                f'delivers {[feat.shape[1] for feat in feats]}.'
            )
        picked.append(feats[index])
    return picked
