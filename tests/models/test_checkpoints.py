from urllib.error import URLError

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.runner import checkpoint as mmengine_checkpoint

from einet.models import checkpoints

from .tiny import tiny_model


def _build(**overrides):
    return MODELS.build(tiny_model(**overrides))


def test_checkpoint_of_other_classes_is_refused():
    source = _build().state_dict()
    with pytest.raises(RuntimeError, match=r'3 x 8 against 5 x 8.*classifier.*num_things_classes'):
        _build(num_stuff_classes=3).load_state_dict(source)


def test_checkpoint_of_another_width_is_refused():
    source = _build().state_dict()
    with pytest.raises(RuntimeError, match=r'3 x 8 against 3 x 6.*embed_dims'):
        _build(embed_dims=6).load_state_dict(source)


def test_transfer_keeps_what_fits():
    source = _build().state_dict()
    model = _build(num_stuff_classes=3, allow_other_classes=True)
    classifier = model.semantic_head.classifier.weight.clone()
    missing, unexpected = model.load_state_dict(dict(source), strict=False)
    assert 'semantic_head.classifier.weight' in missing
    assert not unexpected
    torch.testing.assert_close(model.backbone.conv1.weight, source['backbone.conv1.weight'])
    torch.testing.assert_close(model.semantic_head.classifier.weight, classifier)


def test_nested_model_is_found_by_its_prefix():
    wrapped = torch.nn.ModuleDict({'module': _build()})
    with pytest.raises(RuntimeError, match='3 x 8 against 5 x 8'):
        torch.nn.ModuleDict({'module': _build(num_stuff_classes=3)}).load_state_dict(
            wrapped.state_dict()
        )


def _pretrained(source):
    config = tiny_model()
    config.backbone.init_cfg = dict(type='Pretrained', checkpoint=str(source))
    return MODELS.build(config)


def _saved(path, state):
    torch.save(state, path)
    return path


def test_without_a_network_the_address_the_file_and_the_ways_out_are_named(monkeypatch):
    def refuse(address, **_):
        raise URLError('refused')

    monkeypatch.setattr(mmengine_checkpoint, 'load_url', refuse)
    with pytest.raises(OSError) as caught:
        _pretrained('https://example.org/models/resnet-1.pth').init_weights()
    for part in (
        'ResNet: cannot read',
        'from https://example.org/models/resnet-1.pth (URLError',
        'refused',
        'download resnet-1.pth',
        '--cfg-options model.backbone.init_cfg.checkpoint=FILE',
        '--cfg-options model.backbone.init_cfg=None',
    ):
        assert part in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(OSError, match=r'ResNet: cannot read .*absent\.pth.*init_cfg=None'):
        _pretrained(tmp_path / 'absent.pth').init_weights()


def test_weights_of_another_network_are_refused(tmp_path):
    file = _saved(tmp_path / 'other.pth', {'stem.weight': torch.ones(2)})
    with pytest.raises(RuntimeError, match=r'ResNet: .*other\.pth has none of its parameters'):
        _pretrained(file).init_weights()


def test_what_the_weights_lack_is_named(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(checkpoints, 'print_log', lambda message, *_: said.append(message))
    published = _build().backbone.state_dict()
    del published['bn1.weight']
    model = _pretrained(_saved(tmp_path / 'part.pth', published))
    model.init_weights()
    assert [message.split(': ')[-1] for message in said] == ['bn1.weight']
    assert 'part.pth' in said[0]
    assert torch.equal(model.backbone.conv1.weight, published['conv1.weight'])


def test_weights_that_fit_are_loaded_without_a_word(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(checkpoints, 'print_log', lambda message, *_: said.append(message))
    published = _build().backbone.state_dict()
    classifier = {'fc.weight': torch.ones(2)}
    model = _pretrained(_saved(tmp_path / 'all.pth', {**published, **classifier}))
    model.init_weights()
    assert said == []
    for name, value in model.backbone.state_dict().items():
        assert torch.equal(value, published[name])


NAMES = ('checkpoint', 'config')


def test_class_lists_are_shown_side_by_side():
    found = dict(classes=('cat', 'dog', 'sky'), thing_classes=('cat', 'dog'))
    wanted = dict(classes=('cat', 'dog', 'sky', 'sea'), thing_classes=('cat',))
    with pytest.raises(ValueError, match='checkpoint and config have different classes') as caught:
        checkpoints.check_classes(found, wanted, NAMES)
    assert [line.split() for line in str(caught.value).splitlines()[1:6]] == [
        ['label', 'checkpoint', 'config'],
        ['0', 'cat', 'cat'],
        ['1', 'dog', 'dog', '(stuff)', '<-', 'differs'],
        ['2', 'sky', '(stuff)', 'sky', '(stuff)'],
        ['3', '-', 'sea', '(stuff)', '<-', 'differs'],
    ]
    checkpoints.check_classes(found, wanted, NAMES, allowed=True)


@pytest.mark.parametrize(
    'found',
    [
        None,
        dict(classes=()),
        dict(classes=['cat', 'sky'], thing_classes=['cat']),
        # An older checkpoint does not say which are things.
        dict(classes=('cat', 'sky')),
    ],
)
def test_equal_or_unknown_class_lists_pass(found):
    checkpoints.check_classes(found, dict(classes=('cat', 'sky'), thing_classes=('cat',)), NAMES)
