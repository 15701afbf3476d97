import logging
from types import SimpleNamespace

import pytest
import torch
from mmdet.registry import HOOKS

from einet.hooks import cpu_threads_hook
from einet.structures.cores import CoreUsage


@pytest.fixture
def machine(monkeypatch):
    """Four cores, a clock and usages that the test chooses."""
    state = SimpleNamespace(threads=4, now=0.0, others=0.0)

    def usage():
        return CoreUsage(state.now, state.others + 2.5 * state.now, 2.5 * state.now)

    monkeypatch.delenv('OMP_NUM_THREADS', raising=False)
    monkeypatch.setattr(cpu_threads_hook, 'core_usage', usage)
    monkeypatch.setattr('einet.structures.cores.allowed_cores', lambda: [0, 1, 2, 3])
    monkeypatch.setattr(cpu_threads_hook.time, 'monotonic', lambda: state.now)
    monkeypatch.setattr(torch, 'get_num_threads', lambda: state.threads)
    monkeypatch.setattr(torch, 'set_num_threads', lambda count: setattr(state, 'threads', count))
    return state


def make_runner(**options):
    return SimpleNamespace(
        **{
            'model': torch.nn.Linear(1, 1),
            'distributed': False,
            'logger': logging.getLogger('test'),
            **options,
        }
    )


def run(machine, runner, others):
    """Threads after each of some looks, between which others keep so many cores busy."""
    hook = HOOKS.build(dict(type='CPUThreadsHook', interval=2.0))
    hook.before_run(runner)
    threads = []
    for count in others:
        machine.now += 2
        machine.others += 2 * count
        hook.after_train_iter(runner, 0)
        threads.append(machine.threads)
    return threads


def test_threads_follow_the_cores_that_are_free(machine, caplog):
    with caplog.at_level(logging.INFO):
        assert run(machine, make_runner(), [0.2, 0.7, 2.9, 5, 1, 0]) == [4, 3, 1, 1, 3, 4]
    assert caplog.messages[0].startswith('Other programs leave 3.3 of')
    assert len(caplog.messages) == 4  # One for each change.


def test_more_than_torch_chose_are_never_taken(machine):
    machine.threads = 2  # As many as there are physical cores.
    assert run(machine, make_runner(), [1.0, 2.6, 0]) == [2, 1, 2]


def test_between_two_looks_nothing_is_measured(machine):
    hook = HOOKS.build(dict(type='CPUThreadsHook', interval=2.0))
    hook.before_run(make_runner())
    machine.now, machine.others = 1.9, 7.6
    hook.after_train_iter(make_runner(), 0)
    assert machine.threads == 4
    machine.now, machine.others = 2.0, 8.0
    hook.after_test_iter(make_runner(), 0)
    assert machine.threads == 1
    hook.after_run(make_runner())
    assert machine.threads == 4


@pytest.mark.parametrize(
    'reason', ['environment', 'deterministic', 'ranks', 'accelerator', 'empty']
)
def test_a_number_that_is_not_ours_to_choose_stays(machine, monkeypatch, reason):
    runner = make_runner()
    if reason == 'environment':
        monkeypatch.setenv('OMP_NUM_THREADS', '3')
    elif reason == 'deterministic':
        monkeypatch.setattr(torch, 'are_deterministic_algorithms_enabled', lambda: True)
    elif reason == 'ranks':
        runner.distributed = True
    elif reason == 'accelerator':
        runner.model = torch.nn.Linear(1, 1, device='meta')
    else:
        runner.model = torch.nn.Identity()
    assert run(machine, runner, [3, 3]) == [4, 4]
