import pytest
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
