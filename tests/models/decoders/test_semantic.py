"""The semantic decoder's wiring, sizes and errors."""

import pytest
import torch
from mmcv.cnn import ConvModule
from mmdet.registry import MODELS
from torch import nn

from einet.models.decoders.semantic import ASPP, SemanticDecoder

LINEAR = dict(norm_cfg=None, act_cfg=None)
PAPER = dict(in_channels=(256, 728, 2048))


def set_center(conv: nn.Conv2d, weights: list[list[float]]) -> None:
    """Make a convolution pointwise: rows are output channels, columns input channels."""
    weights = torch.tensor(weights)
    with torch.no_grad():
        nn.init.zeros_(conv.weight)
        conv.weight[:, :, conv.kernel_size[0] // 2, conv.kernel_size[1] // 2] = weights
        if conv.bias is not None:
            nn.init.zeros_(conv.bias)


def features(channels=(3, 5, 7), last=(7, 9), batch=2) -> list[torch.Tensor]:
    sizes = ((25, 33), (13, 17), last)
    return [torch.randn(batch, c, *s) for c, s in zip(channels, sizes, strict=True)]


def test_wiring_by_hand():
    decoder = SemanticDecoder(
        (1, 1, 1), channels=1, aspp_channels=1, skip_channels=(2, 1), **LINEAR
    )
    for conv, weight in zip(decoder.aspp.convs, (2.0, 3.0, 4.0, 5.0), strict=True):
        set_center(conv.conv, [[weight]])
    set_center(decoder.aspp.pool.conv, [[6.0]])
    set_center(decoder.aspp.project.conv, [[1e-4, 1e-3, 1e-2, 1e-1, 1.0]])
    set_center(decoder.skip8.conv, [[7.0], [8.0]])
    set_center(decoder.fuse8.conv, [[1.0, 10.0, 100.0]])
    set_center(decoder.skip4.conv, [[9.0]])
    set_center(decoder.fuse4.conv, [[0.5, 3.0]])
    feats = [torch.full((1, 1, s, s + 1), v) for s, v in ((9, 11.0), (5, 3.0), (3, 10.0))]
    # ASPP: 10 * (2e-4 + 3e-3 + 4e-2 + 5e-1 + 6); stride 8: that + 10 * 7 * 3 + 100 * 8 * 3;
    # stride 4: half of that + 3 * 9 * 11.
    aspp = 65.432
    expected = 0.5 * (aspp + 210.0 + 2400.0) + 297.0
    torch.testing.assert_close(decoder(feats), torch.full((1, 1, 9, 10), expected))


def test_widths_are_the_figure_s():
    decoder = SemanticDecoder(**PAPER)
    convs = {
        name: (m.in_channels, m.out_channels, m.kernel_size[0], m.dilation[0])
        for name, m in decoder.named_modules()
        if isinstance(m, ConvModule)
    }
    assert convs == {
        'aspp.convs.0': (2048, 256, 1, 1),
        'aspp.convs.1': (2048, 256, 3, 6),
        'aspp.convs.2': (2048, 256, 3, 12),
        'aspp.convs.3': (2048, 256, 3, 18),
        'aspp.pool': (2048, 256, 1, 1),
        'aspp.project': (1280, 256, 1, 1),
        'skip8': (728, 64, 1, 1),
        'fuse8': (256 + 64, 256, 5, 1),
        'skip4': (256, 32, 1, 1),
        'fuse4': (256 + 32, 256, 5, 1),
    }


def test_pooling_reads_the_whole_map_at_any_size():
    aspp = ASPP(2, 1, 1, (), separable=False, **LINEAR)
    set_center(aspp.convs[0].conv, [[0.0, 0.0]])
    set_center(aspp.pool.conv, [[1.0, 100.0]])
    set_center(aspp.project.conv, [[1.0, 1.0]])
    x = torch.zeros(1, 2, 3, 4)
    x[0, 0, 2, 3], x[0, 1, 0, 1] = 24.0, 6.0  # means 2 and 0.5
    torch.testing.assert_close(aspp(x), torch.full((1, 1, 3, 4), 52.0))
    assert aspp(torch.zeros(1, 2, 11, 1)).shape == (1, 1, 11, 1)


@pytest.mark.parametrize(('act_cfg', 'expected'), [(None, -6.0), (dict(type='ReLU'), 0.0)])
def test_pooling_takes_the_activation(act_cfg, expected):
    aspp = ASPP(1, 1, 1, (), separable=False, norm_cfg=None, act_cfg=act_cfg)
    set_center(aspp.pool.conv, [[-3.0]])
    assert aspp.pool(torch.full((1, 1, 1, 1), 2.0)).item() == expected


@pytest.mark.parametrize('separable', [False, True])
@pytest.mark.parametrize('last', [(7, 9), (4, 5)], ids=['stride16', 'stride32'])
def test_output_is_at_stride_4_whatever_the_last_stride(last, separable):
    decoder = MODELS.build(
        dict(
            type='SemanticDecoder',
            in_channels=(3, 5, 7),
            channels=12,
            aspp_channels=8,
            separable=separable,
        )
    )
    feats = [feat.requires_grad_() for feat in features(last=last)]
    y = decoder(feats)
    assert y.shape == (2, 12, 25, 33)
    y.square().sum().backward()
    assert all(feat.grad.abs().sum() > 0 for feat in feats)
    assert all(p.grad is not None for p in decoder.parameters())


@pytest.mark.parametrize('separable', [False, True])
def test_trains_on_a_single_image(separable):
    decoder = SemanticDecoder((3, 5, 7), channels=8, aspp_channels=4, separable=separable).train()
    assert decoder(features(batch=1)).isfinite().all()


def test_separable_is_smaller():
    sizes = [
        sum(p.numel() for p in SemanticDecoder(**PAPER, separable=separable).parameters())
        for separable in (False, True)
    ]
    assert sizes[1] < 0.2 * sizes[0]
    kernels = {
        m.kernel_size[0]: m.groups == m.in_channels
        for m in SemanticDecoder((3, 5, 7), channels=8, separable=True).modules()
        if isinstance(m, nn.Conv2d) and m.kernel_size[0] > 1
    }
    assert kernels == {3: True, 5: True}, 'a wide kernel is left that is not depthwise'


def test_errors_name_the_decoder():
    with pytest.raises(ValueError, match='SemanticDecoder: in_channels needs three'):
        SemanticDecoder((3, 5))
    with pytest.raises(ValueError, match='SemanticDecoder: skip_channels needs two'):
        SemanticDecoder((3, 5, 7), skip_channels=(64,))
    with pytest.raises(ValueError, match='SemanticDecoder: the stride-8 feature .* says 6'):
        SemanticDecoder((3, 6, 7), channels=4, aspp_channels=4)(features())
