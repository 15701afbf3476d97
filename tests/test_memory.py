"""What a step of a large picture takes, by a small one and small limits: bytes a pixel."""

from functools import partial

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config

from einet.functional.parts import split_rows

from .paths import CONFIGS, ROOT

SIDE = 128
# Values at a time: a 1024th of 2^22, as the picture is one of 4096 x 4096.
VALUES = 1 << 12
LIMITS = (
    'task_losses._CHUNK',
    'upsampled_cross_entropy._CHUNK',
    'heatmap._COMPARED',
    'grouping._CHUNK',
    'image_maps._SCORES',
)


@pytest.fixture
def config(monkeypatch):
    """The small EINet for 133 classes, with little computed at a time."""
    for limit in LIMITS:
        monkeypatch.setattr(f'einet.functional.{limit}', VALUES)
    bands = partial(split_rows, max_values=VALUES)
    monkeypatch.setattr('einet.models.einet.split_rows', bands)
    monkeypatch.syspath_prepend(ROOT / 'benchmarks')
    config = Config.fromfile(CONFIGS / 'einet_r18_coco-sample.py')
    config.model.data_preprocessor.batch_augments = None
    return config


def test_a_training_step(config):
    from large_inputs import PARTS
    from memory import peak_bytes

    config.model.activation_checkpointing = PARTS
    peak, _ = peak_bytes(config, (SIDE, SIDE), 1)
    assert peak / SIDE**2 < 355


def test_a_prediction(config):
    from large_inputs import grid_of_things, predict
    from memory import LiveBytes

    torch.manual_seed(0)
    model = MODELS.build(config.model)
    sample = grid_of_things((SIDE, SIDE), 3, model.num_things_classes, model.num_classes)
    image = torch.zeros(3, SIDE, SIDE, dtype=torch.uint8)
    with LiveBytes(set()) as live:
        assert predict(model, image, sample, config) == '3 instances'
    assert live.peak / SIDE**2 < 250
