"""Trainings that meet a value that is not finite, against those that never saw its batch."""

import json
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.optim import AmpOptimWrapper
from torch import nn

from einet.hooks import NonFiniteHook, SafeCheckpointHook, SemanticCentersHook
from einet.models import SemanticCenters

from .tiny_runner import train_tiny


class _Model(BaseModel):
    """Two parameters, Q and running statistics; a loss and a gradient that a sample can spoil."""

    def __init__(self):
        super().__init__()
        self.first = nn.Parameter(torch.tensor(1.0))
        self.second = nn.Parameter(torch.tensor(2.0))
        self.norm = nn.BatchNorm1d(1, momentum=0.5, affine=False)
        self.centers = SemanticCenters(1, 2, num_things_classes=1, momentum=0.5)

    def forward(self, inputs, data_samples, mode):
        value, root = inputs[0]
        self.norm(torch.stack([value, value + 1])[:, None])
        self.centers.stage(value * torch.ones(1, 2), torch.ones(1))
        return dict(
            loss_sum=(self.first * self.second * value - 3) ** 2,
            loss_value=(self.first * value).abs(),
            # The gradient of sqrt is infinite at 0, and 0 * infinity is NaN.
            loss_root=(self.second * 0 + root).sqrt() * 0,
        )


GOOD, NAN, ROOT = (0.5, 1.0), (float('nan'), 1.0), (0.5, 0.0)


def _sample(values, number):
    return dict(
        inputs=torch.tensor(values), data_samples=SimpleNamespace(img_path=f'img/{number}.jpg')
    )


def _train(folder, values, max_skips=0, accumulative_counts=1, hooks=(), **settings):
    return train_tiny(
        _Model(),
        folder,
        [_sample(each, number) for number, each in enumerate(values)],
        [NonFiniteHook(max_skips), SemanticCentersHook(), *hooks],
        dict(type='IterBasedTrainLoop', max_iters=len(values)),
        accumulative_counts=accumulative_counts,
        checkpoint_hook=SafeCheckpointHook(by_epoch=False, interval=2),
        **settings,
    )


def _report(folder, iteration):
    return json.loads((folder / f'non_finite_iter_{iteration}.json').read_text())


def test_a_loss_stops_the_training(tmp_path):
    message = r'Iteration 4: loss_sum is nan on rank 0, in the batch of img/3\.jpg\..*max_skips'
    with pytest.raises(FloatingPointError, match=message):
        _train(tmp_path, [GOOD, GOOD, GOOD, NAN, GOOD])
    report = _report(tmp_path, 4)
    (rank,) = report['ranks']
    assert report['iteration'] == 4 and report['parameters'] == []
    assert rank['losses'] == dict(loss_sum='nan', loss_value='nan', loss_root=0.0, loss='nan')
    assert rank['gradients'] == ['second', 'first'] and rank['images'] == ['img/3.jpg']
    assert sorted(path.name for path in tmp_path.glob('*.pth')) == ['iter_2.pth']


@pytest.mark.parametrize('clip_grad', [None, dict(max_norm=1.0)])
def test_a_gradient_stops_the_training_and_is_named(clip_grad, tmp_path):
    wrapper = dict(optimizer=dict(type='SGD', lr=0.1), clip_grad=clip_grad)
    message = r'Iteration 2: the gradient of second is not finite, in the batch of img/1\.jpg'
    with pytest.raises(FloatingPointError, match=message):
        _train(tmp_path, [GOOD, ROOT], optim_wrapper=wrapper)
    assert _report(tmp_path, 2)['ranks'][0]['gradients'] == ['second']


def _state(runner):
    optimizer = runner.optim_wrapper.optimizer.state_dict()['state']
    return {
        **runner.model.state_dict(),
        **{f'{i}{k}': v for i in optimizer for k, v in optimizer[i].items()},
    }


@pytest.mark.parametrize('bad', [NAN, ROOT])
@pytest.mark.parametrize('counts', [1, 2])
def test_a_step_that_is_left_out_leaves_nothing(bad, counts, tmp_path):
    wrapper = dict(optimizer=dict(type='AdamW', lr=0.1, weight_decay=0.5))
    other = (0.25, 2.0)
    values = [GOOD, other, bad, other, other, GOOD]
    ours = _train(tmp_path / 'ours', values, 2, counts, optim_wrapper=wrapper)
    del values[2 : 2 + counts]
    expected = _train(tmp_path / 'expected', values, 0, counts, optim_wrapper=wrapper)
    ours, expected = _state(ours), _state(expected)
    assert ours.keys() == expected.keys() and 'norm.running_mean' in ours and '0exp_avg' in ours
    for name, value in expected.items():
        assert torch.equal(ours[name], value), name


def test_the_steps_left_out_are_counted_also_after_a_resume(tmp_path):
    with pytest.raises(FloatingPointError, match='Iteration 5'):
        _train(tmp_path, [NAN, GOOD, NAN, GOOD, NAN, GOOD], max_skips=2)
    with pytest.raises(FloatingPointError, match='Iteration 5'):
        _train(tmp_path, [NAN, GOOD, NAN, GOOD, NAN, GOOD], max_skips=2, resume=True)


def test_parameters_that_are_not_finite_are_not_saved(tmp_path):
    class _Overflow(Hook):
        def after_train_iter(self, runner, batch_idx, *_args, **_kwargs):
            if batch_idx == 3:
                runner.model.second.data.fill_(float('inf'))

    with pytest.raises(FloatingPointError, match=r'at iteration 4, the first is second;.*rate'):
        _train(tmp_path, [GOOD] * 6, hooks=[_Overflow()])
    assert sorted(path.name for path in tmp_path.glob('*.pth')) == ['iter_2.pth']


def test_gradients_that_overflow_in_float16_are_the_scalers_business(monkeypatch):
    model = nn.Linear(1, 1, bias=False)
    monkeypatch.setattr(
        'mmengine.optim.optimizer.amp_optimizer_wrapper.is_cuda_available', lambda: True
    )
    wrapper = AmpOptimWrapper(
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1), clip_grad=dict(max_norm=1.0)
    )
    wrapper.loss_scaler = torch.amp.GradScaler('cpu', init_scale=2.0**127, growth_interval=1000)
    runner, hook = SimpleNamespace(model=model, optim_wrapper=wrapper), NonFiniteHook()
    before = model.weight.detach().clone()
    hook.before_train(runner)
    hook.before_train_iter(runner, 0)
    loss = (8 * model.weight).sum()
    wrapper.update_params(loss)
    hook.after_train_iter(runner, 0, outputs=dict(loss=loss))
    assert torch.equal(model.weight, before) and wrapper.loss_scaler.get_scale() == 2.0**126
