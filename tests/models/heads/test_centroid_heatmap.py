"""The centroid heatmap head: layers, prior, errors."""

import pytest
import torch
from mmcv.cnn import ConvModule
from mmdet.registry import MODELS

from einet.models.heads.centroid_heatmap import CentroidHeatmapHead


@pytest.mark.parametrize('separable', [False, True])
def test_shapes_and_gradients(separable):
    head = MODELS.build(
        dict(type='CentroidHeatmapHead', in_channels=5, num_things_classes=3, separable=separable)
    )
    logits = head(torch.randn(2, 5, 7, 9))
    assert logits.shape == (2, 3, 7, 9)
    logits.square().sum().backward()
    assert all(p.grad is not None for p in head.parameters())


def test_widths_are_the_figure_s():
    head = CentroidHeatmapHead(256, 80)
    convs = [m for m in head.modules() if isinstance(m, ConvModule)]
    assert [(m.in_channels, m.out_channels, m.kernel_size) for m in convs] == [(256, 32, (5, 5))]
    assert (head.predictor.in_channels, head.predictor.out_channels) == (32, 80)
    assert head.predictor.kernel_size == (1, 1)


@pytest.mark.parametrize('prior_prob', [0.1, 0.02])
def test_starts_at_the_prior(prior_prob):
    torch.manual_seed(0)
    head = CentroidHeatmapHead(5, 3, prior_prob=prior_prob)
    head.init_weights()
    heatmap = head(torch.randn(2, 5, 16, 16)).sigmoid()
    torch.testing.assert_close(heatmap, torch.full_like(heatmap, prior_prob), rtol=0.3, atol=0)


def test_own_initialization_replaces_the_prior():
    head = CentroidHeatmapHead(5, 3, init_cfg=dict(type='Constant', layer='Conv2d', val=0, bias=0))
    head.init_weights()
    assert head.predictor.bias.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(('act_cfg', 'expected'), [(None, -2.0), (dict(type='ReLU'), 0.0)])
def test_the_activation_comes_between_the_convolutions(act_cfg, expected):
    head = CentroidHeatmapHead(1, 1, hidden_channels=1, norm_cfg=None, act_cfg=act_cfg)
    for parameter in head.parameters():
        torch.nn.init.constant_(parameter, 0)
    head.hidden.conv.weight.data[0, 0, 2, 2] = 1
    head.predictor.weight.data[:] = 2
    assert head(torch.full((1, 1, 1, 1), -1.0)).item() == expected


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(num_things_classes=0), 'num_things_classes must be at least 1.*got 0'),
        (dict(num_things_classes=3, prior_prob=1.0), 'prior_prob must be between 0 and 1, got 1.0'),
    ],
)
def test_errors(options, message):
    with pytest.raises(ValueError, match=message):
        CentroidHeatmapHead(5, **options)
