"""The blocks' arithmetic, with weights set by hand; the whole network has its own tests."""

import pytest
import torch
from torch import nn

from einet.models.backbones.xception_blocks import ConvNorm, SeparableConv, XceptionBlock

NORM = dict(type='BN', eps=0.0)


def _eval_with_ones(module):
    """Every weight 1, fresh norms, which then do nothing in eval mode."""
    for parameter in module.modules():
        if isinstance(parameter, nn.Conv2d):
            nn.init.ones_(parameter.weight)
    return module.eval()


@pytest.mark.parametrize(('stride', 'expected'), [(1, [6, 9, 12, 7]), (2, [6, 12])])
def test_conv_norm(stride, expected):
    # One row: the 3x3 window sums three neighbors, 1 + 5 at the border.
    layer = _eval_with_ones(ConvNorm(1, 2, 3, stride, NORM))
    y = layer(torch.tensor([[[[1.0, 5.0, 3.0, 4.0]]]]))
    assert y.tolist() == [[[expected]] * 2]


def test_a_separable_convolution_sums_each_channel_then_all():
    layer = _eval_with_ones(SeparableConv(2, 1, 1, 2, with_relu=False, norm_cfg=NORM))
    # Dilation 2: a pixel sees itself and what is two away.
    x = torch.tensor([[[[1.0, 2.0, 4.0, 8.0]], [[0.0, 0.0, 0.0, 16.0]]]])
    assert layer(x).tolist() == [[[[5, 10 + 16, 5, 10 + 16]]]]


def test_relus_come_after_each_convolution():
    layer = _eval_with_ones(SeparableConv(2, 1, 1, 1, with_relu=True, norm_cfg=NORM))
    # The first channel's sums are negative: 0 after the first ReLU, not -3 for the second layer.
    x = torch.tensor([[[[-3.0]], [[2.0]]]])
    assert layer(x).item() == 2
    assert layer(-10 * x).item() == 30


def _block(project=False, last=False, stride=1):
    block = XceptionBlock(1, (1, 1, 1), stride, 1, project, NORM, last)
    return _eval_with_ones(block)


def test_a_block_adds_the_identity_to_what_the_relu_let_through():
    out, before = _block()(torch.tensor([[[[-3.0, 2.0]]]]))
    # ReLU: 0, 2. The three convolutions: 2, 2; 4, 4; 8, 8.
    assert before.tolist() == [[[[4, 4]]]]
    assert out.tolist() == [[[[8 - 3, 8 + 2]]]]


def test_a_projecting_block_strides_in_its_last_convolution():
    out, before = _block(project=True, stride=2)(torch.tensor([[[[1.0, 2.0, 0.0, -9.0]]]]))
    # 1, 2, 0, 0 after the ReLU; then 3, 3, 2, 0; then 6, 8, 5, 2.
    assert before.tolist() == [[[[6, 8, 5, 2]]]]
    # The last: 14 and 15 at the columns 0 and 2; the shortcut reads 1 and 0 there.
    assert out.tolist() == [[[[14 + 1, 15 + 0]]]]


def test_the_last_block_has_no_shortcut_and_its_relus_behind():
    x = torch.tensor([[[[-3.0, 2.0]]]])
    out, before = _block(last=True)(x)
    # -1, -1 are cut to 0 at once.
    assert before.tolist() == out.tolist() == [[[[0, 0]]]]
    out, before = _block(last=True)(-x)
    assert before.tolist() == [[[[2, 2]]]]
    assert out.tolist() == [[[[4, 4]]]]


def test_the_input_stays_as_it_is():
    x = torch.tensor([[[[-3.0, 2.0]]]])
    copy = x.clone()
    _block()(x)
    assert x.equal(copy)


def test_a_block_runs_its_convolutions_in_their_order():
    block = _block()
    for layer, factor in zip(block.stack.values(), (2, 3, 5), strict=True):
        nn.init.constant_(layer.conv_pw.weight, factor)
    nn.init.constant_(block.stack.conv1.bn_pw.bias, 4)
    out, before = block(torch.ones(1, 1, 1, 1))
    assert before.item() == (2 + 4) * 3
    assert out.item() == (2 + 4) * 3 * 5 + 1


def test_the_last_block_runs_its_convolutions_in_their_order():
    block = _block(last=True)
    for layer, factor in zip(block.stack.values(), (2, 3, 5), strict=True):
        nn.init.constant_(layer.conv_pw.weight, factor)
    out, before = block(torch.ones(1, 1, 1, 1))
    assert before.item() == 2 * 3
    assert out.item() == 2 * 3 * 5
