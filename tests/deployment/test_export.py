import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config

from einet.deployment import export, export_onnx
from einet.models.fusion import EmbeddingPanopticFusion

from ..models.tiny import tiny_model
from ..paths import CONFIGS


class OwnFusion(EmbeddingPanopticFusion):
    pass


@pytest.fixture
def config():
    return Config.fromfile(CONFIGS / 'einet_r18_nuclei.py')


@pytest.fixture
def model():
    return MODELS.build(tiny_model(num_things_classes=1)).eval()


def test_a_fusion_of_another_kind_is_refused(config, model, tmp_path):
    model.fusion = OwnFusion(1, 1)
    with pytest.raises(ValueError, match=r'model.fusion.type=OwnFusion cannot be exported'):
        export_onnx(model, config, tmp_path / 'a.onnx')


@pytest.mark.parametrize('size', [(100, 640), (640, 16)])
def test_a_size_that_the_network_cannot_take_is_refused(config, model, size, tmp_path):
    with pytest.raises(ValueError, match='multiples of 16, the pad_size_divisor'):
        export_onnx(model, config, tmp_path / 'a.onnx', size=size)


def test_a_missing_package_is_named(config, model, tmp_path, monkeypatch):
    monkeypatch.setattr(export, '_NEEDED', ('onnx', 'onnxscript_of_another_name'))
    with pytest.raises(ImportError, match=r'needs onnxscript_of_another_name: pip install -r'):
        export_onnx(model, config, tmp_path / 'a.onnx')


def test_a_network_that_cannot_be_recorded_is_one_line(config, model, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise torch.onnx.OnnxExporterError('step 1') from RuntimeError('a guard\non the size')

    monkeypatch.setattr(torch.onnx, 'export', fail)
    with pytest.raises(ValueError, match=r'backbone ResNet\); .*--size: a guard on the size$'):
        export_onnx(model, config, tmp_path / 'a.onnx')


@pytest.mark.parametrize(
    ('size', 'divisor', 'shape'),
    [
        ((64, 32), 16, (1, 3, 64, 32)),
        (None, 16, (2, 3, 96, 112)),
        (None, 320, (2, 3, 640, 960)),
        (None, 1, (2, 3, 96, 97)),
    ],
)
def test_an_example_has_a_size_that_the_network_takes(size, divisor, shape):
    assert export._example_shape(size, divisor) == shape
