"""A replayed schedule against one that a training has stepped."""

import pytest
import torch
from mmengine.optim import OptimWrapper
from mmengine.registry import PARAM_SCHEDULERS

from einet.schedulers.replay import Schedule, describe_changes, replay

CHAINED = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=4),
    dict(type='CosineAnnealingLR', eta_min=1e-5, by_epoch=False, begin=4, end=20),
]
WARM_POLY = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=5),
    dict(type='PolyLR', power=0.9, by_epoch=False, end=20),
]
RESTARTS = [dict(type='CosineWarmRestartsLR', t_0=2, t_mult=2, unit=2, by_epoch=False, end=20)]
ONE_CYCLE = [dict(type='OneCycleLR', eta_max=0.5, total_steps=40, by_epoch=False)]
MIXED = [
    dict(type='LinearLR', start_factor=0.5, by_epoch=False, begin=0, end=6),
    dict(type='StepLR', step_size=2, gamma=0.3, by_epoch=True),
    dict(type='CosineAnnealingMomentum', T_max=20, by_epoch=False),
]


def _build(configs, rates=(0.3, 0.02, 0.3)):
    groups = [dict(params=[torch.zeros(1, requires_grad=True)], lr=rate) for rate in rates]
    wrapper = OptimWrapper(torch.optim.AdamW(groups, lr=0.1))
    built = [PARAM_SCHEDULERS.build(cfg, default_args=dict(optimizer=wrapper)) for cfg in configs]
    return wrapper, built


def _train(wrapper, schedulers, iterations, epoch_length):
    """Step as mmengine's ParamSchedulerHook does."""
    for iteration in range(1, iterations + 1):
        wrapper.step()
        for scheduler in schedulers:
            if not scheduler.by_epoch:
                scheduler.step()
        if iteration % epoch_length == 0:
            for scheduler in schedulers:
                if scheduler.by_epoch:
                    scheduler.step()


@pytest.mark.parametrize('configs', [CHAINED, WARM_POLY, RESTARTS, ONE_CYCLE, MIXED])
@pytest.mark.parametrize('epochs', [1, 3, 4])
def test_equals_a_training_and_goes_on_like_it(configs, epochs):
    trained, stepped = _build(configs)
    start = Schedule.read(trained, stepped)
    _train(trained, stepped, 4 * epochs, epoch_length=4)
    resumed, fresh = _build(configs)
    replay(start, fresh, 4 * epochs, epochs).write(resumed, fresh)
    for _ in range(3):
        assert Schedule.read(resumed, fresh) == Schedule.read(trained, stepped)
        _train(trained, stepped, 4, 4)
        _train(resumed, fresh, 4, 4)


def test_the_start_is_not_changed():
    wrapper, schedulers = _build(CHAINED)
    start = Schedule.read(wrapper, schedulers)
    replay(start, schedulers, 7, 0)
    assert start == Schedule.read(wrapper, schedulers) == Schedule.read(*_build(CHAINED))


def test_nothing_of_another_schedule_is_left():
    wrapper, schedulers = _build(WARM_POLY[1:])
    start = Schedule.read(wrapper, schedulers)
    schedulers[0].load_state_dict(_build(WARM_POLY)[1][0].state_dict())
    start.write(wrapper, schedulers)
    assert not hasattr(schedulers[0], 'start_factor')


def test_changes_are_named_by_scheduler_and_setting():
    wrapper, schedulers = _build(WARM_POLY)
    old = Schedule.read(wrapper, schedulers)
    new = Schedule.read(*_build([WARM_POLY[0], WARM_POLY[1] | dict(end=30, power=0.5)]))
    assert describe_changes(old, new, schedulers) == [
        'PolyLR.end 20 -> 30',
        'PolyLR.power 0.9 -> 0.5',
    ]
    assert describe_changes(old, replay(old, schedulers, 3, 0), schedulers) == []
