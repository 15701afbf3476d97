"""The plain semantic head: layers, sizes, initialization."""

import pytest
import torch
from mmcv.cnn import ConvModule
from mmdet.registry import MODELS

from einet.panoptic_deeplab.semantic_head import SemanticHead


@pytest.mark.parametrize('separable', [False, True])
def test_shapes_and_gradients(separable):
    head = MODELS.build(
        dict(type='SemanticHead', in_channels=5, num_classes=4, separable=separable)
    )
    logits = head(torch.randn(2, 5, 7, 9))
    assert logits.shape == (2, 4, 7, 9)
    logits.square().sum().backward()
    assert all(p.grad is not None for p in head.parameters())


def test_widths_are_the_published_ones():
    head = SemanticHead(256, 19)
    convs = [m for m in head.modules() if isinstance(m, ConvModule)]
    assert [(m.in_channels, m.out_channels, m.kernel_size) for m in convs] == [(256, 256, (5, 5))]
    assert convs[0].with_norm and convs[0].with_activation
    assert head.predictor.weight.shape == (19, 256, 1, 1)


def test_starts_near_equal():
    torch.manual_seed(0)
    head = SemanticHead(5, 4, hidden_channels=16)
    head.init_weights()
    probabilities = head(torch.randn(2, 5, 16, 16)).softmax(1)
    assert probabilities.sub(0.25).abs().max() < 0.1


def test_own_initialization_replaces_it():
    head = SemanticHead(5, 4, init_cfg=dict(type='Constant', layer='Conv2d', val=0, bias=3))
    head.init_weights()
    assert head.predictor.bias.tolist() == [3.0] * 4
