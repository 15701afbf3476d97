"""The rates of resumed trainings against those of uninterrupted ones."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from mmengine.registry import PARAM_SCHEDULERS

from einet.hooks import ResumeScheduleHook
from tests.paths import CONFIGS

from .tiny_runner import train_tiny

POLY = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=3),
    dict(type='PolyLR', power=0.9, by_epoch=False),
]
COSINE = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=3),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=3),
]
RESTARTS = [dict(type='CosineWarmRestartsLR', t_0=1, t_mult=2, by_epoch=False)]
BY_EPOCH = [dict(type='MultiStepLR', milestones=[2], gamma=0.1), POLY[0]]


def _schedule_only(config):
    """Optimizer and schedulers of a config as the Runner builds them, for one dummy parameter."""
    optimizer = dict(config.optim_wrapper.optimizer)
    kind = getattr(torch.optim, optimizer.pop('type'))
    wrapper = OptimWrapper(kind([torch.zeros(1, requires_grad=True)], **optimizer))
    schedulers = [
        PARAM_SCHEDULERS.build(
            dict(end=config.train_cfg.max_iters) | dict(cfg),
            default_args=dict(optimizer=wrapper),
        )
        for cfg in config.param_scheduler
    ]
    return SimpleNamespace(
        optim_wrapper=wrapper,
        param_schedulers=schedulers,
        iter=0,
        max_iters=config.train_cfg.max_iters,
        epoch=0,
        logger=MMLogger.get_current_instance(),
    )


def _rates(runner, until):
    rates = []
    for _ in range(runner.iter, until):
        rates.append(runner.optim_wrapper.param_groups[0]['lr'])
        for scheduler in runner.param_schedulers:
            scheduler.step()
    return rates


def _resume(config, interrupted, iteration):
    """What mmengine's Runner does, with the hook."""
    runner, hook = _schedule_only(config), ResumeScheduleHook()
    hook.before_run(runner)
    runner.iter = iteration
    runner.optim_wrapper.load_state_dict(interrupted.optim_wrapper.state_dict())
    for own, theirs in zip(runner.param_schedulers, interrupted.param_schedulers, strict=True):
        own.load_state_dict(theirs.state_dict())
    hook.before_train(runner)
    return runner


def test_the_last_50k_of_the_paper_recipe_equal_one_run_of_450k():
    first = Config.fromfile(CONFIGS / 'einet_x71_coco.py')
    whole = _rates(_schedule_only(first), 450_000)
    first.merge_from_dict({'train_cfg.max_iters': 400_000, 'param_scheduler.0.end': 450_000})
    interrupted = _schedule_only(first)
    assert _rates(interrupted, 400_000) == whole[:400_000]
    second = Config.fromfile(CONFIGS / 'einet_x71_coco_ft-1025.py')
    resumed = _rates(_resume(second, interrupted, 400_000), 450_000)
    assert resumed == whole[400_000:]
    # The last of five periods is 80/155 of the training, and ends with it.
    assert resumed[0] == pytest.approx(1.101e-4, abs=1e-7)
    assert resumed[-1] < 1e-6


class _OneParameter(BaseModel):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))

    def forward(self, inputs, mode):
        return dict(loss=(self.weight * inputs).square())


class _RateRecorder(Hook):
    def __init__(self):
        self.rates = []

    def before_train_iter(self, runner, *_args, **_kwargs):
        self.rates.append(runner.optim_wrapper.get_lr()['lr'][0])


def _run(folder, iterations, schedule, by_epoch=False, **settings):
    """Train with mmengine's own Runner; returns the rate of every iteration."""
    recorder = _RateRecorder()
    loop = dict(type='IterBasedTrainLoop', max_iters=iterations)
    if by_epoch:
        loop = dict(type='EpochBasedTrainLoop', max_epochs=iterations // 2)
    train_tiny(
        _OneParameter(),
        folder,
        [torch.tensor(1.0)] * 2,
        [ResumeScheduleHook(), recorder],
        loop,
        param_scheduler=schedule,
        **settings,
    )
    return recorder.rates


@pytest.mark.parametrize('schedule', [POLY, COSINE, RESTARTS])
def test_a_longer_training_after_a_resume(schedule, tmp_path):
    whole = _run(tmp_path / 'whole', 12, schedule)
    _run(tmp_path / 'first', 6, schedule)
    resumed = _run(tmp_path / 'first', 12, schedule, resume=True)
    assert resumed == whole[6:]
    (log,) = [
        p.read_text() for p in (tmp_path / 'first').glob('*/*.log') if 'replaces' in p.read_text()
    ]
    lines = [line for line in log.splitlines() if 'replaces' in line]
    assert len(lines) == 1 and 'At iteration 6 ' in lines[0] and '.end 6 -> 12' in lines[0]


def test_another_schedule_another_rate_and_more_schedulers(tmp_path):
    whole = _run(tmp_path / 'whole', 12, COSINE, rate=0.05)
    _run(tmp_path / 'first', 6, RESTARTS)
    assert _run(tmp_path / 'first', 12, COSINE, rate=0.05, resume=True) == whole[6:]


def test_schedules_by_epoch(tmp_path):
    whole = _run(tmp_path / 'whole', 8, BY_EPOCH, by_epoch=True)
    _run(tmp_path / 'first', 4, BY_EPOCH, by_epoch=True)
    assert _run(tmp_path / 'first', 8, BY_EPOCH, by_epoch=True, resume=True) == whole[4:]


def test_the_same_schedule_is_not_logged(tmp_path):
    whole = _run(tmp_path / 'whole', 6, POLY)
    (tmp_path / 'whole' / 'last_checkpoint').write_text(str(tmp_path / 'whole' / 'iter_2.pth'))
    assert _run(tmp_path / 'whole', 6, POLY, resume=True) == whole[2:]
    assert not [p for p in (tmp_path / 'whole').glob('*/*.log') if 'replaces' in p.read_text()]


def test_nothing_left_to_train_is_said(tmp_path):
    _run(tmp_path, 4, POLY)
    assert _run(tmp_path, 4, POLY, resume=True) == []
    (log,) = [p.read_text() for p in tmp_path.glob('*/*.log') if 'nothing is left' in p.read_text()]
    assert 'the checkpoint is of iteration 4 of 4' in log
