from types import SimpleNamespace

import pytest
import torch
from mmdet.registry import HOOKS, MODELS
from mmengine.hooks import EMAHook
from mmengine.runner.priority import get_priority

from einet.models.outputs import PredictionMaps

from ..models.tiny import tiny_model

IMAGES = torch.zeros(1, 3, 32, 48)


@pytest.mark.parametrize('wrapped', [False, True])
def test_the_copy_lives_as_long_as_the_test(wrapped):
    detector = MODELS.build(tiny_model()).eval()
    model = MODELS.build(dict(type='EINetTTA', module=detector)) if wrapped else detector
    runner = SimpleNamespace(model=model)
    hook = HOOKS.build(dict(type='CPUInferenceHook'))
    with torch.no_grad():
        hook.before_test_epoch(runner)
        assert isinstance(detector.prediction_maps(IMAGES), PredictionMaps)
        hook.after_test_epoch(runner)
        assert not isinstance(detector.prediction_maps(IMAGES), PredictionMaps)


def test_averaged_weights_are_in_place_before():
    # A larger number comes later.
    ours = HOOKS.build(dict(type='CPUInferenceHook')).priority
    assert get_priority(ours) > get_priority(EMAHook.priority)
