"""The offset head: layers, unit, initialization, precision."""

import pytest
import torch
from mmcv.cnn import ConvModule
from mmdet.registry import MODELS

from einet.panoptic_deeplab.offset_head import OffsetHead


@pytest.mark.parametrize('separable', [False, True])
def test_shapes_and_gradients(separable):
    head = MODELS.build(dict(type='OffsetHead', in_channels=5, separable=separable))
    offsets = head(torch.randn(2, 5, 7, 9))
    assert offsets.shape == (2, 2, 7, 9)
    offsets.square().sum().backward()
    assert all(p.grad is not None for p in head.parameters())


def test_widths_are_the_published_ones():
    head = OffsetHead(256)
    convs = [m for m in head.modules() if isinstance(m, ConvModule)]
    assert [(m.in_channels, m.out_channels, m.kernel_size) for m in convs] == [(256, 32, (5, 5))]
    assert head.predictor.weight.shape == (2, 32, 1, 1)


def test_gives_pixels_from_cells():
    head = OffsetHead(3, stride=8)
    torch.nn.init.zeros_(head.predictor.weight)
    head.predictor.bias.data = torch.tensor([1.5, -2.0])
    assert head(torch.randn(1, 3, 1, 2)).tolist() == [[[[12.0, 12.0]], [[-16.0, -16.0]]]]


def test_starts_near_zero():
    torch.manual_seed(0)
    head = OffsetHead(5)
    head.init_weights()
    assert head(torch.randn(2, 5, 16, 16)).abs().max() < 4


def test_own_initialization_replaces_it():
    head = OffsetHead(5, init_cfg=dict(type='Constant', layer='Conv2d', val=0, bias=1))
    head.init_weights()
    assert head.predictor.bias.tolist() == [1.0, 1.0]


def test_mixed_precision_gives_float32():
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert OffsetHead(3)(torch.randn(1, 3, 4, 4)).dtype == torch.float32
