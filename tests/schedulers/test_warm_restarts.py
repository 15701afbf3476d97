"""Warm restarts against torch's own, and the unit of T_0."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.registry import PARAM_SCHEDULERS

from einet.schedulers.warm_restarts import fit_periods, warm_restart_periods


def _optimizer(rate=0.25):
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate)


def _rates(scheduler, optimizer, steps):
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize(('t_0', 't_mult', 'unit'), [(5, 2, 1), (2, 3, 4), (7, 1, 1)])
def test_equals_torch(t_0, t_mult, unit):
    ours, theirs = _optimizer(), _optimizer()
    cfg = dict(
        type='CosineWarmRestartsLR', t_0=t_0, t_mult=t_mult, unit=unit, by_epoch=False, end=100
    )
    scheduler = PARAM_SCHEDULERS.build(cfg, default_args=dict(optimizer=ours))
    reference = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(theirs, t_0 * unit, t_mult)
    expected = _rates(reference, theirs, 90)
    assert _rates(scheduler, ours, 90) == pytest.approx(expected, abs=1e-9)
    assert expected.count(0.25) > 1  # it did restart


def test_periods_reach_the_end_of_the_training():
    assert warm_restart_periods(5, 2, 16) == [5, 10, 20]
    assert warm_restart_periods(5, 2, 15) == [5, 10]
    assert warm_restart_periods(5, 2, 0) == [5]


@settings(max_examples=50)
@given(st.integers(1, 30), st.integers(1, 3), st.integers(1, 3000))
def test_fitted_periods_end_with_the_training(first, factor, total):
    periods = warm_restart_periods(first, factor, total)
    fitted = fit_periods(periods, total)
    assert sum(fitted) == total
    scale = total / sum(periods[: len(fitted)])
    assert all(abs(new - old * scale) <= 1 for new, old in zip(fitted, periods, strict=False))
    # Neither a period more nor one less would change them less.
    for count in {len(fitted) - 1, len(fitted) + 1} & set(range(1, len(periods) + 1)):
        other = total / sum(periods[:count])
        assert max(scale, 1 / scale) <= max(other, 1 / other) * (1 + 1e-9)


def test_a_training_of_whole_periods_ends_at_the_lowest_rate():
    optimizer = _optimizer()
    cfg = dict(type='CosineWarmRestartsLR', t_0=5, unit=2, by_epoch=False, end=100)
    scheduler = PARAM_SCHEDULERS.build(
        dict(cfg, whole_periods=True), default_args=dict(optimizer=optimizer)
    )
    assert scheduler.periods == [14, 29, 57]  # 10, 20 and 40, of which there would be 70
    rates = _rates(scheduler, optimizer, 105)
    assert [step for step, rate in enumerate(rates) if rate == 0.25] == [0, 14, 43]
    assert rates[99:] == [rates[99]] * 6 and rates[99] < 0.001 * 0.25


@pytest.mark.parametrize('wrong', [dict(t_0=0), dict(t_0=5, t_mult=0), dict(t_0=5, unit=0)])
def test_wrong_lengths_are_refused(wrong):
    cfg = dict(type='CosineWarmRestartsLR', by_epoch=False, **wrong)
    with pytest.raises(ValueError, match='at least 1'):
        PARAM_SCHEDULERS.build(cfg, default_args=dict(optimizer=_optimizer()))


def test_epochs_are_converted_to_iterations():
    ours, theirs = _optimizer(), _optimizer()
    in_epochs = dict(type='CosineWarmRestartsLR', t_0=5, t_mult=2, begin=1, end=40)
    converted = PARAM_SCHEDULERS.build(
        dict(in_epochs, convert_to_iter_based=True),
        default_args=dict(optimizer=ours, epoch_length=3),
    )
    in_iterations = dict(in_epochs, unit=3, begin=3, end=120, by_epoch=False)
    reference = PARAM_SCHEDULERS.build(in_iterations, default_args=dict(optimizer=theirs))
    assert converted.state_dict() == reference.state_dict()
    assert _rates(converted, ours, 130) == _rates(reference, theirs, 130)
