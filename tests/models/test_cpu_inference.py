"""The copy gives the maps of the network that it was made of, and leaves that alone."""

import copy
from functools import partial

import pytest
import torch
from mmcv.cnn import ConvModule
from mmdet.models.backbones import ResNet
from mmdet.registry import MODELS
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import spectral_norm

from einet.models import EINetOutputs, EmbeddingPanopticFusion, cpu_inference
from einet.models.backbones import Xception41
from einet.models.cpu_inference import WinogradConv2d, fold_norms, join_linear, predict_with_copy
from einet.models.outputs import PredictionMaps

from .samples import make_sample
from .tiny import tiny_model, tiny_panoptic_deeplab

IMAGES = torch.randn(2, 3, 32, 48, generator=torch.Generator().manual_seed(0))
NORM = dict(type='BN')
GROUPS = dict(_delete_=True, type='GN', num_groups=2)
NORMED = ('backbone', 'semantic_decoder', 'instance_decoder', 'semantic_head', 'centroid_head')
CASES = {
    'batch norms': tiny_model(),
    'small presets': tiny_model(**dict.fromkeys(NORMED, dict(norm_cfg=GROUPS))),
    'linear head': tiny_model(semantic_head=dict(hidden_channels=None)),
    'fewer channels than classes': tiny_model(embed_dims=2),
    'without positions': tiny_model(instance_head=dict(position=None, separable=True)),
    'separable head': tiny_model(semantic_head=dict(hidden_channels=None, separable=True)),
    'Panoptic-DeepLab': tiny_panoptic_deeplab(),
}


def _trained(model):
    """Statistics and scales that matter, as after a training."""
    generator = torch.Generator().manual_seed(1)
    for norm in model.modules():
        if isinstance(norm, _BatchNorm):
            for values in (norm.running_mean, norm.running_var, norm.weight.data, norm.bias.data):
                values.copy_(0.5 + torch.rand(values.shape, generator=generator))
    return model.eval()


def _build(config):
    torch.manual_seed(0)
    return _trained(MODELS.build(config))


@pytest.fixture
def model():
    return _build(tiny_model())


def _norms(network):
    return [m for m in network.modules() if isinstance(m, _BatchNorm)]


@pytest.mark.parametrize('name', CASES)
def test_maps_are_those_of_the_network(name, monkeypatch):
    # The tests' channels are too few for Winograd's convolution to pay.
    monkeypatch.setattr(cpu_inference, '_WINOGRAD_FROM', {3: 1, 5: 1})
    model = _build(CASES[name])
    before = copy.deepcopy(model.state_dict())
    with torch.no_grad():
        expected = model.prediction_maps(IMAGES)
        predict_with_copy(model)
        maps = model.prediction_maps(IMAGES)
    network = model._faster_network.__self__
    assert _norms(network) == []
    assert len([m for m in network.modules() if isinstance(m, WinogradConv2d)]) > 3
    for field in maps._fields:
        theirs = getattr(expected, field)
        scale = theirs.abs().max()
        torch.testing.assert_close(getattr(maps, field), theirs, rtol=0, atol=2e-5 * scale.item())
        assert theirs.std() > 0.001 * scale
    assert isinstance(maps, type(expected) if name == 'Panoptic-DeepLab' else PredictionMaps)
    assert list(model.state_dict()) == list(before)
    for key, values in model.state_dict().items():
        assert values.equal(before[key]), key


def test_predictions_are_those_of_the_network():
    fusion = dict(peak_threshold=0.0, kernel_size=5)
    model = _build(tiny_model(semantic_head=dict(hidden_channels=None), fusion=fusion))
    with torch.no_grad():
        expected, ours = make_sample((32, 48), []), make_sample((32, 48), [])
        model.predict(IMAGES[:1], [expected])
        predict_with_copy(model)
        model.predict(IMAGES[:1], [ours])
    same = ours.pred_panoptic_seg.sem_seg == expected.pred_panoptic_seg.sem_seg
    assert same.float().mean() > 0.99
    assert len(ours.pred_instances) == len(expected.pred_instances) > 0


def test_a_fusion_of_ones_own_gets_all_maps(model):
    class OwnFusion(EmbeddingPanopticFusion):
        pass

    model.fusion = OwnFusion(2, 1)
    predict_with_copy(model)
    with torch.no_grad():
        expected, maps = model(IMAGES, mode='tensor'), model.prediction_maps(IMAGES)
    assert isinstance(maps, EINetOutputs)
    assert not maps.semantic_embedding.equal(expected.semantic_embedding)
    for values, theirs in zip(maps, expected, strict=True):
        torch.testing.assert_close(values, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('change', ['train', 'move', 'load'])
def test_the_copy_is_forgotten_when_weights_change(model, change):
    predict_with_copy(model)
    model.eval()
    assert model._faster_network is not None
    if change == 'load':
        model.load_state_dict(model.state_dict())
    else:
        model.train() if change == 'train' else model.double()
    assert model._faster_network is None


def test_others_are_left_alone(model):
    compiled = _build(tiny_model(compile=dict(backend='eager')))
    half = model.half()
    other = nn.Linear(2, 2)
    for module in (compiled, half, other):
        predict_with_copy(module)
    assert compiled._faster_network is None
    assert half._faster_network is None


ORDERS = {
    ('conv', 'norm', 'act'): True,
    ('act', 'conv', 'norm'): True,
    ('conv', 'act', 'norm'): False,
    ('norm', 'conv', 'act'): False,
}


@pytest.mark.parametrize('order', ORDERS)
def test_norms_are_folded_where_they_follow_a_convolution(order):
    module = ConvModule(3, 3, 3, padding=1, norm_cfg=NORM, order=order)
    _check_folding(module, folded=ORDERS[order])


def _spectral():
    return nn.Sequential(spectral_norm(nn.Conv2d(3, 4, 1)), nn.BatchNorm2d(4))


# By functions, as weights that are drawn when tests are collected would change those of others.
@pytest.mark.parametrize(
    ('make', 'folded'),
    [
        (lambda: nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU()), True),
        (lambda: nn.Sequential(nn.Conv2d(3, 4, 1, bias=False), nn.SyncBatchNorm(4)), True),
        (lambda: nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.BatchNorm2d(4)), False),
        (_spectral, False),
        (lambda: ConvModule(3, 4, 3, norm_cfg=NORM, efficient_conv_bn_eval=True), False),
        (lambda: ConvModule(3, 4, 3), True),
    ],
)
def test_nothing_else_is_folded(make, folded):
    _check_folding(make(), folded)


def _check_folding(module, folded):
    _trained(module)
    with torch.no_grad():
        expected = module(IMAGES)
        fold_norms(module)
        torch.testing.assert_close(module(IMAGES), expected, rtol=1e-4, atol=1e-4)
    assert (_norms(module) == []) == folded


def test_norms_without_statistics_stay():
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4, track_running_stats=False)).eval()
    fold_norms(module)
    assert len(_norms(module)) == 1


@pytest.mark.parametrize('backbone', [Xception41, partial(ResNet, 50, base_channels=4)])
def test_every_norm_of_our_backbones_is_folded(backbone):
    network = backbone()
    assert len(_norms(network)) > 50
    network.eval()
    fold_norms(network)
    assert _norms(network) == []


@pytest.mark.parametrize('size', [1, 5])
def test_two_linear_convolutions_are_one(size):
    first, second = nn.Conv2d(3, 6, size, padding=size // 2), nn.Conv2d(6, 2, 1)
    with torch.no_grad():
        joined = join_linear(first, second)(IMAGES)
        torch.testing.assert_close(joined, second(first(IMAGES)), rtol=1e-4, atol=1e-5)


def test_only_suitable_convolutions_are_winograds():
    suits = cpu_inference._suits_winograd
    assert suits(nn.Conv2d(128, 128, 3, padding=1))
    assert suits(nn.Conv2d(128, 128, 3, padding=2, dilation=2))
    assert suits(nn.Conv2d(64, 64, 5, padding=2))
    for other in (
        nn.Conv2d(64, 64, 3, padding=1),
        nn.Conv2d(128, 128, 3),
        nn.Conv2d(128, 128, 3, padding=1, stride=2),
        nn.Conv2d(128, 128, 3, padding=6, dilation=6),
        nn.Conv2d(128, 128, 3, padding=1, groups=2),
        nn.Conv2d(128, 128, 3, padding=1, padding_mode='reflect'),
        nn.Conv2d(128, 128, (3, 5), padding=(1, 2)),
        nn.Conv2d(512, 512, 7, padding=3),
        nn.ConvTranspose2d(128, 128, 3, padding=1),
    ):
        assert not suits(other), other
