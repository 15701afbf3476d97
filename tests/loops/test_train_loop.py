"""Interrupted trainings against uninterrupted ones, with random data and a random model."""

import random

import numpy as np
import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel

from tests.hooks.tiny_runner import train_tiny

LOOP = dict(type='ResumableTrainLoop', max_iters=7)


class _Model(BaseModel):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(3))

    def forward(self, inputs, mode):
        if mode == 'predict':
            return [self.weight.detach().sum()]
        noise = torch.tensor([random.random(), np.random.rand(), torch.rand(())])
        return dict(loss=(self.weight * inputs[0] * noise).square().sum())


class _Data:
    def __init__(self):
        self.seen = []

    def __len__(self):
        return 4

    def __getitem__(self, index):
        self.seen.append(index)
        return torch.tensor([index + random.random(), np.random.rand(), torch.rand(())])


def _train(folder, loop=LOOP, **settings):
    torch.rand(5)  # another random state at every start
    runner = train_tiny(_Model(), folder, _Data(), settings.pop('hooks', []), loop, **settings)
    return runner.model.weight.detach(), runner.train_dataloader.dataset.seen, runner


def _interrupted(folder, at):
    class _Interruption(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            if batch_idx == at:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _train(folder, hooks=[_Interruption()], randomness=dict(seed=3))


def test_a_resume_continues_bit_by_bit_and_reads_nothing_twice(tmp_path):
    whole, seen, _ = _train(tmp_path / 'whole', randomness=dict(seed=3))
    other, *_ = _train(tmp_path / 'other', randomness=dict(seed=4))
    assert not torch.equal(other, whole)
    _interrupted(tmp_path / 'first', at=5)
    resumed, read, _ = _train(tmp_path / 'first', randomness=dict(seed=3), resume=True)
    assert torch.equal(resumed, whole)
    assert len(seen) == 7 and read == seen[4:]


@pytest.mark.parametrize('different', [False, True])
def test_a_seed_that_was_drawn_is_the_checkpoints(different, tmp_path):
    def train(name, **settings):
        randomness = dict(seed=None, diff_rank_seed=different)
        return _train(tmp_path / name, randomness=randomness, **settings)[0]

    whole = train('whole')
    middle = str(tmp_path / 'whole' / 'iter_4.pth')
    assert torch.equal(train('resumed', resume=True, load_from=middle), whole)
    assert not torch.equal(train('again'), whole)


def test_ranks_have_random_numbers_of_their_own(tmp_path, monkeypatch):
    settings = dict(
        randomness=dict(seed=3, diff_rank_seed=True), sampler=dict(type='ResumableSampler')
    )
    first, seen, runner = _train(tmp_path / 'first', **settings)
    monkeypatch.setattr('einet.loops.train_loop.get_rank', lambda: 1)
    monkeypatch.setattr('mmengine.runner.utils.get_rank', lambda: 1)
    second, same, other = _train(tmp_path / 'second', **settings)
    assert (runner.seed, other.seed) == (3, 4)
    assert seen == same and not torch.equal(first, second)


class _Value(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results += data_samples

    def compute_metrics(self, results):
        return dict(value=float(results[-1]))


class _Validations(Hook):
    def __init__(self):
        self.seen = []

    def after_val_epoch(self, runner, metrics=None):
        self.seen.append((runner.iter, metrics['value']))


def test_a_validation_that_was_interrupted_is_made_after_the_resume(tmp_path):
    loop = dict(LOOP, val_interval=4)
    validation = dict(
        val_cfg=dict(),
        val_dataloader=dict(
            dataset=[torch.ones(1)], batch_size=1, sampler=dict(type='DefaultSampler')
        ),
        val_evaluator=dict(type=_Value),
        randomness=dict(seed=3),
    )
    hook = _Validations()
    whole, *_ = _train(tmp_path / 'whole', loop, hooks=[hook], **validation)
    assert [iteration for iteration, _ in hook.seen] == [4, 7]
    for start, expected in ((2, hook.seen), (4, hook.seen), (6, hook.seen[1:])):
        middle = str(tmp_path / 'whole' / f'iter_{start}.pth')
        again = _Validations()
        settings = dict(resume=True, load_from=middle, **validation)
        resumed, *_ = _train(tmp_path / f'{start}', loop, hooks=[again], **settings)
        assert torch.equal(resumed, whole) and again.seen == expected


def test_a_sampler_without_positions_is_warned_of(tmp_path):
    sampler = dict(type='InfiniteSampler')
    *_, runner = _train(tmp_path, sampler=sampler)
    (log,) = tmp_path.glob('*/*.log')
    assert 'ResumableSampler in place of InfiniteSampler' in log.read_text()
    assert len(runner.train_dataloader.dataset) == 4
