"""The instance decoder's wiring, sizes and errors."""

import pytest
import torch
from mmcv.cnn import ConvModule
from mmdet.registry import MODELS
from torch import nn

from einet.models.decoders.instance import InstanceDecoder


def set_center(conv: nn.Conv2d, weights: list[list[float]]) -> None:
    """Make a convolution pointwise: rows are output channels, columns input channels."""
    with torch.no_grad():
        nn.init.zeros_(conv.weight)
        center = conv.kernel_size[0] // 2
        conv.weight[:, :, center, center] = torch.tensor(weights)
        nn.init.zeros_(conv.bias)


def features(last=(7, 9), batch=2) -> list[torch.Tensor]:
    sizes = ((25, 33), (13, 17), last)
    return [torch.randn(batch, c, *s) for c, s in zip((3, 5, 7), sizes, strict=True)]


def test_wiring_by_hand():
    decoder = InstanceDecoder((1, 1, 1), channels=2, norm_cfg=None, act_cfg=None)
    set_center(decoder.reduce.conv, [[2.0], [-3.0]])
    set_center(decoder.skip8.conv, [[5.0], [7.0]])
    set_center(decoder.plain8.conv, [[1.0, 10.0]])
    set_center(decoder.skipped8.conv, [[2.0, 0.5]])
    set_center(decoder.skip4.conv, [[-1.0], [4.0]])
    set_center(decoder.plain4.conv, [[3.0, -1.0]])
    set_center(decoder.skipped4.conv, [[0.25, 6.0]])
    feats = [torch.full((1, 1, s, s + 1), v) for s, v in ((9, 8.0), (5, 3.0), (3, 4.0))]
    # a = (8, -12), stride-8 skip (15, 21);
    # b = (8 - 120, 2 * (8 + 15) + 0.5 * (-12 + 21)) = (-112, 50.5), stride-4 skip (-8, 32).
    first = 3.0 * -112.0 - 50.5
    second = 0.25 * (-112.0 - 8.0) + 6.0 * (50.5 + 32.0)
    y = decoder(feats)
    assert y.shape == (1, 2, 9, 10)
    torch.testing.assert_close(y[:, 0], torch.full((1, 9, 10), first))
    torch.testing.assert_close(y[:, 1], torch.full((1, 9, 10), second))


def test_only_the_second_half_sees_the_stride_4_skip():
    decoder = InstanceDecoder((3, 5, 7), channels=8)
    feats = [feat.requires_grad_() for feat in features()]
    y = decoder(feats)
    first = torch.autograd.grad(y[:, :4].square().sum(), feats, retain_graph=True)
    assert [bool(grad.abs().sum() > 0) for grad in first] == [False, True, True]
    second = torch.autograd.grad(y[:, 4:].square().sum(), feats)
    assert all(grad.abs().sum() > 0 for grad in second)


def test_widths_are_the_figure_s():
    decoder = InstanceDecoder((256, 728, 2048))
    convs = {
        name: (m.in_channels, m.out_channels, m.kernel_size[0])
        for name, m in decoder.named_modules()
        if isinstance(m, ConvModule)
    }
    assert convs == {
        'reduce': (2048, 256, 1),
        'skip8': (728, 256, 1),
        'plain8': (256, 128, 5),
        'skipped8': (256, 128, 5),
        'skip4': (256, 256, 1),
        'plain4': (256, 128, 5),
        'skipped4': (256, 128, 5),
    }


@pytest.mark.parametrize('separable', [False, True])
@pytest.mark.parametrize('last', [(7, 9), (4, 5)], ids=['stride16', 'stride32'])
def test_output_is_at_stride_4_whatever_the_last_stride(last, separable):
    decoder = MODELS.build(
        dict(type='InstanceDecoder', in_channels=(3, 5, 7), channels=12, separable=separable)
    )
    y = decoder(features(last=last))
    assert y.shape == (2, 12, 25, 33)
    y.square().sum().backward()
    assert all(p.grad is not None for p in decoder.parameters())


@pytest.mark.parametrize('separable', [False, True])
def test_trains_on_a_single_image(separable):
    decoder = InstanceDecoder((3, 5, 7), channels=8, separable=separable).train()
    assert decoder(features(batch=1)).isfinite().all()


def test_separable_is_smaller():
    sizes = [
        sum(
            p.numel()
            for name, p in InstanceDecoder((256, 728, 2048), separable=s).named_parameters()
            if 'plain' in name or 'skipped' in name
        )
        for s in (False, True)
    ]
    assert sizes[1] < sizes[0] / 20


def test_errors_name_the_decoder():
    with pytest.raises(ValueError, match='InstanceDecoder: in_index needs three'):
        InstanceDecoder((3, 5, 7), in_index=(0, 1))
    with pytest.raises(ValueError, match='InstanceDecoder: channels must be even.*got 9'):
        InstanceDecoder((3, 5, 7), channels=9)
    with pytest.raises(ValueError, match='InstanceDecoder: the last feature .* 7 channels'):
        InstanceDecoder((3, 5, 8), channels=4)(features())
