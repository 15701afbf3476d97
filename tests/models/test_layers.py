"""Layers shared by decoders and heads."""

import pytest
import torch
from torch import nn

from einet.models.layers import (
    attention_weights,
    check_picks,
    conv5x5,
    embedding_conv5x5,
    pick_features,
    upsample_like,
)

BN = dict(type='BN')
RELU = dict(type='ReLU')


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize('separable', [False, True])
def test_conv5x5_keeps_the_size_and_its_output_is_not_negative(separable):
    layer = conv5x5(6, 10, separable, BN, RELU)
    y = layer(torch.randn(2, 6, 7, 9))
    assert y.shape == (2, 10, 7, 9)
    assert y.min() == 0


def test_conv5x5_parameters():
    # 5 * 5 * 6 * 10 weights, and gain and bias of the norm.
    assert parameters(conv5x5(6, 10, False, BN, RELU)) == 1500 + 20
    # 5 * 5 * 6 depthwise + 12 of its norm, 6 * 10 pointwise + 20 of its norm.
    assert parameters(conv5x5(6, 10, True, BN, RELU)) == 150 + 12 + 60 + 20


@pytest.mark.parametrize('separable', [False, True])
def test_embedding_conv5x5_is_linear_at_its_end(separable):
    layer = embedding_conv5x5(6, 10, separable, BN, RELU)
    y = layer(torch.randn(2, 6, 7, 9))
    assert y.shape == (2, 10, 7, 9)
    last = layer[-1] if separable else layer
    assert isinstance(last, nn.Conv2d), 'a norm or an activation would bound the embedding'
    assert y.min() < 0 < y.max()
    assert last.bias is not None


def test_conv5x5_sees_exactly_two_pixels_around():
    layer = conv5x5(1, 1)
    x = torch.zeros(1, 1, 9, 11, requires_grad=True)
    layer(x)[0, 0, 4, 6].backward()
    rows, columns = x.grad[0, 0].nonzero(as_tuple=True)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (2, 6, 4, 8)


def test_upsample_like_by_hand():
    x = torch.tensor([[[[0.0, 8.0]]]])
    up = upsample_like(x, torch.zeros(1, 3, 1, 4))
    # Output pixel centers lie at -0.25, 0.25, 0.75 and 1.25 of the input's pixels.
    torch.testing.assert_close(up, torch.tensor([[[[0.0, 2.0, 6.0, 8.0]]]]))
    assert upsample_like(x, torch.zeros(2, 1, 1, 2)) is x


def test_pick_features_takes_them_in_the_order_of_in_index():
    feats = [torch.zeros(1, channels, 2, 2) for channels in (8, 16, 24, 32)]
    picked = pick_features('Owner', feats, (16, 24, 32), (1, 2, -1))
    assert [feat.shape[1] for feat in picked] == [16, 24, 32]


@pytest.mark.parametrize(
    ('in_channels', 'in_index', 'message'),
    [
        ((8, 16, 31), (0, 1, -1), r'Owner: the last feature .* 24 channels, in_channels says 31'),
        ((8, 17, 24), (0, 1, -1), r'Owner: the stride-8 feature \(output 1 .*\[8, 16, 24\]'),
        ((8, 16, 24), (0, 1, 3), r'Owner: in_index asks for output 3 .* delivers 3'),
        ((8, 16, 24), (-4, 1, 2), r'Owner: in_index asks for output -4 .* stride-4'),
    ],
)
def test_pick_features_says_what_does_not_fit(in_channels, in_index, message):
    feats = [torch.zeros(1, channels, 2, 2) for channels in (8, 16, 24)]
    with pytest.raises(ValueError, match=message):
        pick_features('Owner', feats, in_channels, in_index)


def test_check_picks_wants_three():
    check_picks('Owner', (8, 16, 32), (0, 1, -1))
    with pytest.raises(ValueError, match=r'Owner: in_channels needs three numbers.*got 4'):
        check_picks('Owner', (8, 16, 24, 32), (0, 1, -1))
    with pytest.raises(ValueError, match=r'Owner: in_index needs three numbers.*got 2'):
        check_picks('Owner', (8, 16, 32), (0, -1))


def test_attention_never_vanishes_in_half_precision():
    logits = torch.tensor([-30.0, 0.0], dtype=torch.float16)
    weights = attention_weights(logits)
    torch.testing.assert_close(weights, torch.tensor([9.3576e-14, 0.5]), rtol=1e-4, atol=0)
    assert attention_weights(logits.double()).dtype == torch.float64
