import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config

from einet.deployment import load_trained

from ..models.tiny import tiny_model, tiny_panoptic_deeplab


def _config(model):
    return Config(dict(model=model), filename=__file__)


@pytest.fixture(scope='module')
def content():
    return dict(state_dict=MODELS.build(tiny_model()).state_dict(), meta={})


def test_every_parameter_is_the_checkpoint_s(content, tmp_path):
    state = {
        key: value + 1 if value.is_floating_point() else value
        for key, value in content['state_dict'].items()
    }
    torch.save(dict(state_dict=state, meta={}), tmp_path / 'a.pth')
    model = load_trained(_config(tiny_model()), tmp_path / 'a.pth')
    assert not model.training
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize(
    'other', [tiny_panoptic_deeplab(), tiny_model(num_stuff_classes=4)], ids=['method', 'classes']
)
def test_a_checkpoint_of_another_config_is_refused_in_one_line(content, other, tmp_path):
    torch.save(content, tmp_path / 'other.pth')
    with pytest.raises(
        ValueError, match=r'other.pth is no checkpoint of .*test_weights.py: \d+ of'
    ) as info:
        load_trained(_config(other), tmp_path / 'other.pth')
    assert '\n' not in str(info.value)
