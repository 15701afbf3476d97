"""Where a config's schedule stands after some steps, whatever a checkpoint remembers of another."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from mmengine.optim import OptimWrapper, _ParamScheduler

_OPTIONS = {'weight_decay', 'momentum', 'betas'}
# What counts steps, and what follows from other settings.
_PROGRESS = {'last_step', '_global_step', '_last_value', 'verbose'}
_DERIVED = {'cumulative_periods', 'restart_weights', 'total_iters'}


@dataclass(frozen=True)
class Schedule:
    """An optimizer's schedule at one step.

    Attributes:
        groups: Scheduled options of every parameter group, by name.
        states: State of every scheduler, in the order in which they step.
    """

    groups: list[dict[str, Any]]
    states: list[dict[str, Any]]

    @classmethod
    def read(cls, wrapper: OptimWrapper, schedulers: Sequence[_ParamScheduler]) -> Schedule:
        """A copy of what the optimizer and its schedulers hold now."""
        names = {scheduler.param_name for scheduler in schedulers}
        names = {'lr', *names}
        names |= {f'{kind}_{name}' for kind in ('initial', 'max', 'min') for name in names}
        names |= _OPTIONS
        groups = [
            {name: copy.copy(group[name]) for name in names & group.keys()}
            for group in wrapper.param_groups
        ]
        states = [copy.deepcopy(scheduler.state_dict()) for scheduler in schedulers]
        return cls(groups, states)

    def write(self, wrapper: OptimWrapper, schedulers: Sequence[_ParamScheduler]) -> None:
        """Give the optimizer and its schedulers this state, and nothing of another one."""
        for group, options in zip(wrapper.param_groups, self.groups, strict=True):
            group.update(options)
        for scheduler, state in zip(schedulers, self.states, strict=True):
            scheduler.__dict__ = {'optimizer': scheduler.optimizer, **copy.deepcopy(state)}


def replay(
    start: Schedule, schedulers: Sequence[_ParamScheduler], iterations: int, epochs: int
) -> Schedule:
    """Step a schedule from its start, apart from the optimizer.

    mmengine's schedulers derive each value from the one before, and chained ones from each other's,
    so there is no closed form. Groups with the same options are stepped once: 400,000 iterations
    take a few seconds, however many parameters have a group of their own.

    Args:
        start: As built from the config, before the first step.
        schedulers: Its schedulers; their classes are used, their states are not.
        iterations: Steps of the schedulers that count iterations.
        epochs: Steps of those that count epochs, spread evenly over the iterations.

    Returns:
        The schedule after these steps.
    """
    first: dict[str, int] = {}
    source = [first.setdefault(str(options), i) for i, options in enumerate(start.groups)]
    kept = list(first.values())
    place = [kept.index(i) for i in source]
    groups = [copy.copy(start.groups[i]) for i in kept]
    optimizer = SimpleNamespace(
        param_groups=groups, step=SimpleNamespace(_with_counter=True), _global_step=0
    )
    stepped = []
    for scheduler, state in zip(schedulers, start.states, strict=True):
        stand_in = copy.copy(scheduler)
        values = [state['base_values'][i] for i in kept]
        changed = {'optimizer': optimizer, 'base_values': values, 'verbose': False}
        stand_in.__dict__ = copy.deepcopy(state) | changed
        stepped.append(stand_in)
    _step(
        [scheduler for scheduler in stepped if not scheduler.by_epoch],
        [scheduler for scheduler in stepped if scheduler.by_epoch],
        iterations,
        epochs,
    )
    states = []
    for scheduler, state in zip(stepped, start.states, strict=True):
        end = scheduler.state_dict()
        last = [end['_last_value'][i] for i in place]
        fixed = {key: state[key] for key in ('base_values', 'verbose')}
        states.append(end | fixed | {'_last_value': last})
    return Schedule([copy.copy(groups[i]) for i in place], states)


def _step(
    by_iteration: list[_ParamScheduler],
    by_epoch: list[_ParamScheduler],
    iterations: int,
    epochs: int,
) -> None:
    length = max(iterations // epochs, 1) if epochs else iterations + 1
    for iteration in range(1, iterations + 1):
        for scheduler in by_iteration:
            scheduler.step()
        if iteration % length == 0 and iteration // length <= epochs:
            for scheduler in by_epoch:
                scheduler.step()


def describe_changes(
    old: Schedule, new: Schedule, schedulers: Sequence[_ParamScheduler]
) -> list[str]:
    """Settings in which two schedules of the same schedulers differ.

    Returns:
        ``'PolyLR.end 6 -> 12'`` and the like; a setting that one of them lacks is ``None``.
    """
    changes = []
    for scheduler, before, after in zip(schedulers, old.states, new.states, strict=True):
        for key in sorted((before.keys() | after.keys()) - _PROGRESS - _DERIVED):
            if before.get(key) != after.get(key):
                name = f'{type(scheduler).__name__}.{key}'
                changes.append(f'{name} {before.get(key)} -> {after.get(key)}')
    return changes
