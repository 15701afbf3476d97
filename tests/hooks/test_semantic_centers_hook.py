from types import SimpleNamespace
from unittest.mock import Mock

import pytest
import torch
from mmengine.hooks import EMAHook
from mmengine.logging import MessageHub
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from torch import nn

from einet.hooks import SemanticCentersHook
from einet.models import SemanticCenters

from .tiny_runner import train_tiny


class _Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.centers = SemanticCenters(
            num_classes=3, num_things_classes=2, embed_dims=2, momentum=0.5
        )

    def forward(self, numerator, denominator):
        self.centers.stage(numerator, denominator)
        return self.weight**2


def _runner(name, accumulative_counts=1):
    model = _Model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    wrapper = OptimWrapper(optimizer, accumulative_counts=accumulative_counts)
    hub = MessageHub.get_instance(name)
    return SimpleNamespace(
        model=model,
        optim_wrapper=wrapper,
        message_hub=hub,
        hooks=[],
        logger=Mock(),
        train_dataloader=Mock(**{'dataset.metainfo': dict(classes=('car', 'bus', 'sky'))}),
    )


def _train(runner, batches, **options):
    hook = SemanticCentersHook(**options)
    hook.before_train(runner)
    for i, batch in enumerate(batches):
        runner.optim_wrapper.update_params(runner.model(*batch))
        hook.after_train_iter(runner, i)


def _batches(count):
    generator = torch.Generator().manual_seed(3)
    return [
        (torch.randn(3, 2, generator=generator), torch.tensor([1.0, 2.0, 0.0]))
        for _ in range(count)
    ]


def test_commits_every_step_and_logs():
    runner = _runner('every_step')
    batches = _batches(2)
    _train(runner, batches)
    value = [numerator[:2] / denominator[:2, None] for numerator, denominator in batches]
    expected = 0.5 * value[0] + 0.5 * value[1]
    torch.testing.assert_close(runner.model.centers.centers[:2], expected)
    logged = {key: buffer.current() for key, buffer in runner.message_hub.log_scalars.items()}
    assert logged['train/centers_seen'] == 2
    moved = (expected - value[0]).norm(dim=1).mean().item()
    assert logged['train/centers_moved'] == pytest.approx(moved, rel=1e-5)
    cosine = torch.cosine_similarity(expected[0], expected[1], dim=0).item()
    assert logged['train/centers_cosine'] == pytest.approx(cosine, abs=1e-5)
    assert logged['train/centers_cosine_things'] == pytest.approx(cosine, abs=1e-5)
    runner.logger.warning.assert_not_called()


def test_the_things_cosine_leaves_stuff_out():
    runner = _runner('things')
    # Centers (1, 0), (0, 1) and, of stuff, (0.6, 0.8).
    _train(runner, [(torch.tensor([[1.0, 0.0], [0.0, 2.0], [0.6, 0.8]]), torch.tensor([1, 2, 1]))])
    logged = {key: buffer.current() for key, buffer in runner.message_hub.log_scalars.items()}
    assert logged['train/centers_cosine_things'] == pytest.approx(0.0, abs=1e-6)
    assert logged['train/centers_cosine'] == pytest.approx(0.8)


def test_two_centers_that_stay_together_are_named_once():
    together = (torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.01, 1.0]]), torch.ones(3))
    apart = (torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, -200.0]]), torch.ones(3))
    interrupted, patient = _runner('interrupted'), _runner('patient')
    _train(interrupted, [together, together, apart, together, together], patience=3)
    interrupted.logger.warning.assert_not_called()
    _train(patient, [together] * 7, patience=3)
    patient.logger.warning.assert_called_once()
    message = patient.logger.warning.call_args.args[0]
    assert "'bus' and 'sky'" in message
    assert 'model.interaction.instances' in message


def test_accumulated_batches_make_one_step():
    accumulated = _runner('accumulated', accumulative_counts=2)
    accumulated.optim_wrapper.initialize_count_status(accumulated.model, 0, 4)
    whole = _runner('whole')
    batches = _batches(4)
    _train(accumulated, batches)
    pairs = [tuple(a + b for a, b in zip(*batches[i : i + 2], strict=True)) for i in (0, 2)]
    _train(whole, pairs)
    torch.testing.assert_close(accumulated.model.centers.centers, whole.model.centers.centers)
    assert accumulated.model.centers.staged_denominator.sum() == 0


def test_without_the_hook_the_second_step_fails():
    model = _Model()
    batch = _batches(1)[0]
    model(*batch)
    with pytest.raises(RuntimeError, match='SemanticCentersHook'):
        model(*batch)


def test_model_without_centers():
    runner = SimpleNamespace(model=nn.Linear(2, 2))
    with pytest.raises(RuntimeError, match='Linear has no SemanticCenters'):
        SemanticCentersHook().before_train(runner)


class _Staging(BaseModel):
    """Stages a category at a time: 0, 1, 2, 0, 1, ..."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.centers = SemanticCenters(
            num_classes=3, num_things_classes=2, embed_dims=2, momentum=0.5
        )

    def forward(self, inputs, mode):
        present = torch.nn.functional.one_hot(inputs, 3).float()
        self.centers.stage(present[:, None] * torch.tensor([3.0, 4.0]), present)
        return dict(loss=self.weight**2)


@pytest.mark.parametrize('update_buffers', [True, False])
@pytest.mark.parametrize('accumulative_counts', [1, 3])
@pytest.mark.parametrize('first', ['centers', 'average'])
def test_an_averaged_checkpoint(update_buffers, accumulative_counts, first, tmp_path):
    hooks = [SemanticCentersHook(), EMAHook(update_buffers=update_buffers)]
    hooks = hooks if first == 'centers' else hooks[::-1]
    runner = train_tiny(
        _Staging(),
        tmp_path,
        [torch.tensor(i % 3) for i in range(12)],
        hooks,
        dict(type='IterBasedTrainLoop', max_iters=10),
        accumulative_counts=accumulative_counts,
    )
    checkpoint = torch.load(tmp_path / 'iter_10.pth', weights_only=False)
    for state in (checkpoint['state_dict'], checkpoint['ema_state_dict']):
        assert not [key for key in state if 'staged' in key]
    averaged = checkpoint['state_dict']
    assert averaged['centers.seen'].tolist() == [True, True, True]
    # Every sum was (3, 4), so Q is, and so is every average of Q.
    torch.testing.assert_close(averaged['centers.centers'], torch.tensor([[3.0, 4.0]] * 3))
    model = _Staging()
    model.load_state_dict(averaged)
    model(torch.tensor(1), 'loss')
    assert model.centers.commit().item() == pytest.approx(0, abs=1e-6)
    assert averaged['weight'] > runner.model.weight  # averaged indeed
