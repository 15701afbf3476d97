import hashlib

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config

from einet.deployment import load_trained, publish_weights

from ..models.tiny import tiny_model

METAINFO = dict(thing_classes=('car', 'dog'), stuff_classes=('sky',), palette=[(1, 2, 3)] * 3)


@pytest.fixture
def config(tmp_path):
    dataset = dict(type='PanopticDataset', metainfo=METAINFO, ann_file='a.json', pipeline=[])
    file = tmp_path / 'einet_tiny_cars.py'
    Config(dict(model=tiny_model(), test_dataloader=dict(dataset=dataset))).dump(file)
    return Config.fromfile(file)


@pytest.fixture
def trained(config, tmp_path):
    """A checkpoint with what a training leaves in it, and the state dict of its model."""
    torch.manual_seed(0)
    state = MODELS.build(config.model).state_dict()
    content = dict(
        state_dict=state,
        ema_state_dict=dict(steps=torch.tensor(7)),
        optimizer=dict(state={0: torch.zeros(1000)}),
        param_schedulers=[dict(last_step=3)],
        message_hub=dict(runtime_info=dict(cfg='print(1)')),
        meta=dict(iter=3, cfg='print(1)', dataset_meta=dict(classes=('car', 'dog', 'sky'))),
    )
    torch.save(content, tmp_path / 'iter_3.pth')
    return tmp_path / 'iter_3.pth', state


def test_the_file_is_small_plain_and_named_by_its_content(config, trained, tmp_path):
    checkpoint, state = trained
    path, digest = publish_weights(config, checkpoint, tmp_path / 'out')
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert path == tmp_path / 'out' / f'einet_tiny_cars-{digest[:8]}.pth'
    assert path.stat().st_size < 0.6 * checkpoint.stat().st_size
    content = torch.load(path, weights_only=True)
    names = dict(thing_classes=['car', 'dog'], stuff_classes=['sky'])
    dataset_meta = dict(names, classes=['car', 'dog', 'sky'], palette=[[1, 2, 3]] * 3)
    assert content['meta'] == dict(config='einet_tiny_cars', dataset_meta=dataset_meta)
    assert content.keys() == {'meta', 'state_dict'}
    assert content['state_dict'].keys() == state.keys()
    for key, value in content['state_dict'].items():
        assert value.dtype == (
            torch.float16 if state[key].is_floating_point() else state[key].dtype
        )
        assert torch.equal(value, state[key].to(value.dtype))


def test_equal_weights_give_equal_files(config, trained, tmp_path):
    first, _ = publish_weights(config, trained[0], tmp_path / 'first')
    second, _ = publish_weights(config, trained[0], tmp_path / 'second')
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()


def test_a_model_that_loads_it_is_float32(config, trained, tmp_path):
    path, _ = publish_weights(config, trained[0], tmp_path)
    model = load_trained(config, path)
    for key, value in model.state_dict().items():
        assert value.dtype == trained[1][key].dtype
        # float16 has 11 bits.
        torch.testing.assert_close(value, trained[1][key], rtol=2**-11, atol=2**-25)


@pytest.mark.parametrize('value', [70000.0, float('nan')])
def test_a_value_that_float16_does_not_hold_is_an_error(config, trained, value, tmp_path):
    content = torch.load(trained[0], weights_only=True)
    content['state_dict']['backbone.bn1.running_var'][1] = value
    torch.save(content, tmp_path / 'wild.pth')
    with pytest.raises(ValueError, match=r'backbone\.bn1\.running_var has values that float16'):
        publish_weights(config, tmp_path / 'wild.pth', tmp_path / 'out')
    assert not (tmp_path / 'out').exists()
