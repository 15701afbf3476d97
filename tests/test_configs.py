"""Every public config: short, parses, fits its data set, trains and predicts one step."""

from __future__ import annotations

import pytest
import torch
from mmdet.registry import DATASETS, HOOKS, METRICS, MODELS, PARAM_SCHEDULERS
from mmengine.config import Config

from .models.samples import make_sample
from .paths import CONFIGS

PUBLIC = sorted(path for path in CONFIGS.rglob('*.py') if '_base_' not in path.parts)
SIZE = (64, 96)


def _load(path):
    config = Config.fromfile(path)
    config.model.backbone.init_cfg = None  # no download
    return config


@pytest.fixture(params=PUBLIC, ids=lambda path: path.stem)
def path(request):
    return request.param


def test_is_short_and_inherits_only_bases(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 40
    assert text.startswith('# ')
    assert all('/_base_/' in line for line in text.splitlines() if "'./" in line)


def test_data_sets_agree_with_the_model(path):
    config = _load(path)
    for loader in (config.train_dataloader, config.val_dataloader, config.test_dataloader):
        dataset = DATASETS.build(dict(loader.dataset, lazy_init=True))
        assert len(dataset.metainfo['thing_classes']) == config.model.num_thing_classes
        assert len(dataset.metainfo['stuff_classes']) == config.model.num_stuff_classes
    METRICS.build(config.val_evaluator)
    assert [HOOKS.build(hook) for hook in config.custom_hooks]


def test_schedule_lasts_as_long_as_the_training(path):
    config = _load(path)
    iterations = config.train_cfg.max_iters
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    for cfg in config.param_scheduler:
        scheduler = PARAM_SCHEDULERS.build(
            dict(dict(end=iterations), **cfg), default_args=dict(optimizer=optimizer)
        )
        if cfg.type == 'CosineRestartLR':
            assert len(cfg.periods) == len(cfg.restart_weights)
            assert sum(cfg.periods) >= iterations
        elif cfg.type == 'CosineAnnealingLR':
            assert cfg.begin + scheduler.T_max >= iterations


def test_trains_and_predicts_one_step(path):
    config = _load(path)
    things, stuff = config.model.num_thing_classes, config.model.num_stuff_classes
    model = MODELS.build(config.model)
    boxes = [(things - 1, 8, 8, 40, 30), (0, 50, 4, 90, 60)]
    samples = [
        make_sample(SIZE, objects, stuff=things, num_classes=things + stuff)
        for objects in (boxes, [])
    ]
    inputs = torch.randn(2, 3, *SIZE)
    model.train()
    sum(model.loss(inputs, samples).values()).backward()
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)
    model.interaction.centers.commit()
    model.eval()
    with torch.no_grad():
        predicted = model.predict(inputs, samples)
    assert predicted[0].pred_panoptic_seg.sem_seg.shape == (1, *SIZE)
