import pytest
import torch
from mmdet.registry import MODELS

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
