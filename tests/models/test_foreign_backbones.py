"""Decoders, heads and the whole detector on backbones of mmdet and mmseg, built by name."""

import re

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config

from ..paths import CONFIGS, ROOT
from .samples import make_sample
from .tiny import tiny_model

HEIGHT, WIDTH = 97, 131
BACKBONES = {
    'mmdet-resnet-stride16': (
        dict(
            type='ResNet',
            depth=50,
            base_channels=4,
            stem_channels=8,
            strides=(1, 2, 2, 1),
            dilations=(1, 1, 1, 2),
        ),
        (16, 32, 128),
        (7, 9),
    ),
    'mmdet-swin': (
        dict(
            type='SwinTransformer',
            embed_dims=8,
            out_indices=(0, 1, 3),
            depths=(1, 1, 1, 1),
            num_heads=(1, 2, 2, 4),
            window_size=4,
        ),
        (8, 16, 64),
        (4, 5),
    ),
    'mmseg-mix-transformer': (
        dict(
            type='mmseg.MixVisionTransformer',
            embed_dims=8,
            num_layers=(1, 1, 1, 1),
            num_heads=(1, 2, 2, 4),
        ),
        (8, 16, 32),
        (4, 5),
    ),
}


_PLAIN = dict(img_size=(64, 96), embed_dims=16, num_layers=4, num_heads=2)
NECKS = {
    # Backbone, neck, channels that the decoders take, sizes of the features at 64 x 96.
    'mmseg-vit-multi-level-neck': (
        dict(type='mmseg.VisionTransformer', out_indices=(1, 2, 3), **_PLAIN),
        dict(type='mmseg.MultiLevelNeck', in_channels=[16] * 3, out_channels=12, scales=[4, 2, 1]),
        (12, 12, 12),
        [(16, 24), (8, 12), (4, 6)],
    ),
    'mmseg-beit-feature2pyramid': (
        dict(type='mmseg.BEiT', out_indices=(0, 1, 2, 3), **_PLAIN),
        dict(type='mmseg.Feature2Pyramid', embed_dim=16, norm_cfg=dict(type='BN')),
        (16, 16, 16),
        [(16, 24), (8, 12), (4, 6), (2, 3)],
    ),
    'mmdet-resnet-fpn': (
        dict(type='ResNet', depth=18, base_channels=4, stem_channels=8, out_indices=(0, 1, 3)),
        dict(type='FPN', in_channels=[4, 8, 32], out_channels=10, num_outs=3),
        (10, 10, 10),
        [(16, 24), (8, 12), (2, 3)],
    ),
}


@pytest.mark.parametrize('separable', [False, True])
@pytest.mark.parametrize('name', BACKBONES)
def test_forward_and_backward(name, separable):
    torch.manual_seed(0)
    config, in_channels, last = BACKBONES[name]
    backbone = MODELS.build(config)
    options = dict(in_channels=in_channels, in_index=(0, 1, -1), channels=12, separable=separable)
    semantic = MODELS.build(dict(type='SemanticDecoder', aspp_channels=8, **options))
    instance = MODELS.build(dict(type='InstanceDecoder', **options))
    head = dict(in_channels=12, embed_dims=6, separable=separable)
    semantic_head = MODELS.build(dict(type='SemanticEmbeddingHead', num_classes=5, **head))
    instance_head = MODELS.build(dict(type='InstanceEmbeddingHead', position='add', **head))
    heatmap_head = MODELS.build(
        dict(type='CentroidHeatmapHead', in_channels=6, num_things_classes=3, separable=separable)
    )
    # One image in training mode: nothing may need a second value per channel.
    backbone.train()  # some of mmdet's return None here
    feats = backbone(torch.randn(1, 3, HEIGHT, WIDTH))
    assert feats[-1].shape[-2:] == last
    s = semantic_head(semantic(feats))
    i = instance_head(instance(feats))
    logits, heatmap = semantic_head.classify(s.embedding), heatmap_head(i.raw)
    h, w = feats[0].shape[-2:]
    assert (h, w) == (25, 33)
    assert logits.shape == (1, 5, h, w)
    assert heatmap.shape == (1, 3, h, w)
    assert i.embedding.shape == (1, 6, h, w)
    assert s.attention.shape == i.attention.shape == (1, 1, h, w)

    outputs = (logits, heatmap, i.embedding, s.attention, i.attention)
    sum(output.square().mean() for output in outputs).backward()
    for part in (semantic, instance, semantic_head, instance_head, heatmap_head):
        assert all(p.grad is not None and p.grad.isfinite().all() for p in part.parameters())
    gradient = next(backbone.parameters()).grad
    assert gradient is not None and gradient.isfinite().all() and gradient.abs().sum() > 0


@pytest.mark.parametrize('name', BACKBONES)
def test_whole_detector_trains_and_predicts(name):
    torch.manual_seed(0)
    config, in_channels, _ = BACKBONES[name]
    decoder = dict(in_channels=in_channels)
    model = MODELS.build(
        tiny_model(
            backbone=dict(config, _delete_=True), semantic_decoder=decoder, instance_decoder=decoder
        )
    )
    _assert_trains_and_predicts(model)


@pytest.mark.parametrize('name', NECKS)
def test_a_neck_stands_between_backbone_and_decoders(name):
    torch.manual_seed(0)
    backbone, neck, in_channels, sizes = NECKS[name]
    decoder = dict(in_channels=in_channels)
    model = MODELS.build(
        tiny_model(
            backbone=dict(backbone, _delete_=True),
            neck=neck,
            semantic_decoder=decoder,
            instance_decoder=decoder,
        )
    )
    assert model.with_neck
    features = model.extract_feat(torch.randn(2, 3, 64, 96))
    assert [tuple(f.shape[-2:]) for f in features] == sizes
    _assert_trains_and_predicts(model)
    for part in (model.backbone, model.neck):
        parameters = dict(part.named_parameters())
        assert parameters
        assert [key for key, p in parameters.items() if not p.grad.abs().sum() > 0] == []


def test_without_a_neck_the_decoders_see_the_backbone():
    model = MODELS.build(tiny_model())
    assert not model.with_neck
    assert not any(key.startswith('neck') for key in model.state_dict())


@pytest.mark.parametrize(
    ('number', 'backbone', 'neck'),
    [
        (0, 'VisionTransformer', 'MultiLevelNeck'),
        pytest.param(1, 'BEiT', 'Feature2Pyramid', marks=pytest.mark.slow),  # a large network
        (2, 'ResNet', 'FPN'),
    ],
)
def test_the_pages_examples_of_necks_build(number, backbone, neck, tmp_path):
    text = (ROOT / 'docs' / 'own_backbone.md').read_text()
    blocks = re.findall(r'```python\n(.*?)```', text, re.S)
    example = [block for block in blocks if 'neck=' in block][number]
    file = tmp_path / 'example.py'
    file.write_text(example.replace("'./einet", f"'{CONFIGS}/einet"))
    model = MODELS.build(Config.fromfile(file).model)
    assert (type(model.backbone).__name__, type(model.neck).__name__) == (backbone, neck)


def _assert_trains_and_predicts(model):
    size = (64, 96)
    model.train()
    samples = [make_sample(size, [(0, 4, 4, 12, 12), (1, 20, 8, 60, 44)]), make_sample(size, [])]
    inputs = torch.randn(2, 3, *size)
    total = sum(model.loss(inputs, samples).values())
    total.backward()
    assert total.isfinite()
    assert all(p.grad is not None for p in model.parameters())
    model.eval()
    with torch.no_grad():
        predicted = model.predict(inputs, samples)
    assert predicted[0].pred_panoptic_seg.sem_seg.shape == (1, *size)
