"""What both detectors inherit; their own tests cover it in place."""

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.model import convert_sync_batchnorm
from torch import nn

from einet.functional.resize import Shapes
from einet.models import PanopticDetector

from .samples import make_sample
from .tiny import tiny_model, tiny_panoptic_deeplab


@pytest.fixture(params=[tiny_model, tiny_panoptic_deeplab], ids=['EINet', 'PanopticDeepLab'])
def model(request):
    return MODELS.build(request.param()).eval()


def test_the_preprocessor_knows_the_classes(model):
    assert isinstance(model, PanopticDetector)
    assert model.data_preprocessor.void_label == 3
    assert model.data_preprocessor.num_things_classes == 2


def test_the_fusion_gets_each_images_own_maps_and_shapes(model, monkeypatch):
    calls = []

    def fusion(outputs, shapes):
        calls.append((outputs, shapes))
        return original(outputs, shapes)

    original = model.fusion.forward
    monkeypatch.setattr(model.fusion, 'forward', fusion)
    samples = [make_sample((32, 48), []) for _ in range(2)]
    samples[1].set_metainfo(dict(ori_shape=(61, 90, 3), img_shape=(30, 44, 3)))
    inputs = torch.randn(2, 3, 32, 48)
    with torch.no_grad():
        outputs = model(inputs, mode='tensor')
        model.predict(inputs, samples)
    assert calls[1][1] == Shapes(padded=(32, 48), img=(30, 44), ori=(61, 90))
    for image, (own, _) in enumerate(calls):
        assert type(own) is type(outputs)
        for name, values in own._asdict().items():
            torch.testing.assert_close(values, getattr(outputs, name)[image])


def test_features_are_the_backbones(model):
    features = model.extract_feat(torch.randn(1, 3, 32, 48))
    assert [tuple(f.shape[-2:]) for f in features] == [(8, 12), (4, 6), (2, 3), (1, 2)]


@pytest.mark.parametrize(
    ('config', 'name'), [(tiny_model, 'EINet'), (tiny_panoptic_deeplab, 'PanopticDeepLab')]
)
def test_unknown_options_are_refused_by_name(config, name):
    with pytest.raises(TypeError, match=f'{name} got arguments that it does not take: kneck'):
        MODELS.build(config(kneck=dict(type='FPN')))


@pytest.mark.slow
def test_compile_takes_the_trunk_and_gives_the_same_maps():
    graphs = []

    def backend(graph, _inputs):
        graphs.append(graph)
        return graph.forward

    options = dict(backend=backend, fullgraph=True)
    plain, compiled = (
        MODELS.build(tiny_model(compile=setting)).eval() for setting in (False, options)
    )
    compiled.load_state_dict(plain.state_dict())
    images = torch.randn(1, 3, 32, 48)
    with torch.no_grad():
        expected, maps = plain(images, mode='tensor'), compiled(images, mode='tensor')
    assert len(graphs) == 3  # backbone and two decoders
    for name, values in expected._asdict().items():
        torch.testing.assert_close(getattr(maps, name), values)


def test_compile_excludes_recomputation():
    with pytest.raises(ValueError, match='exclude each other'):
        MODELS.build(tiny_model(compile=True, activation_checkpointing=['backbone']))


def test_sync_bn_takes_every_batch_norm_and_changes_no_weight_and_no_prediction(model):
    images = torch.randn(1, 3, 32, 48)
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        nn.init.uniform_(norm.running_mean)
    names = list(model.state_dict())
    with torch.no_grad():
        expected = model(images, mode='tensor')
        converted = convert_sync_batchnorm(model, 'torch').eval()
        maps = converted(images, mode='tensor')
    synchronized = [m for m in converted.modules() if isinstance(m, nn.SyncBatchNorm)]
    assert len(synchronized) == len(norms) > 20
    assert list(converted.state_dict()) == names
    for values, others in zip(maps, expected, strict=True):
        torch.testing.assert_close(values, others)
