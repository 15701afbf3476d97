"""Losses of ranks whose batches differ: their mean against the loss of one batch of all images."""

import pytest
import torch

from einet.models import ranks
from einet.models.losses import (
    BootstrappedCrossEntropyLoss,
    HeatmapFocalLoss,
    HeatmapMSELoss,
)
from einet.models.ranks import mean_over_ranks
from einet.panoptic_deeplab.losses import OffsetL1Loss


def test_one_rank():
    assert mean_over_ranks(torch.tensor(3)).item() == 3
    assert mean_over_ranks(torch.tensor([0, 5])).tolist() == [1, 5]
    total = torch.tensor(2.0, requires_grad=True)
    assert not mean_over_ranks(total).requires_grad and total.item() == 2


def mean_of_ranks(function, batches, monkeypatch):
    """Mean of a function's values for the batches of several ranks, each a call's arguments.

    All ranks call all_reduce equally often; a first run sees what each gives to each call.
    """
    given = []

    def record(tensor, op):
        assert op == 'mean'
        given[-1].append(tensor.clone())

    monkeypatch.setattr(ranks.dist, 'all_reduce', record)
    for batch in batches:
        given.append([])
        function(*batch)
    means = [torch.stack(totals).mean(0) for totals in zip(*given, strict=True)]
    assert means
    values = []
    for batch in batches:
        answers = iter(means)
        monkeypatch.setattr(
            ranks.dist,
            'all_reduce',
            lambda tensor, op, answers=answers: tensor.copy_(next(answers)),
        )
        values.append(function(*batch))
    monkeypatch.undo()
    return torch.stack(values).mean()


def _maps(channels, seed):
    return torch.randn(3, channels, 4, 6, generator=torch.Generator().manual_seed(seed))


def _peaks():
    target = torch.zeros(3, 2, 4, 6)
    target[0, 0, 1, 2] = target[0, 1, 3, 3] = target[1, 0, 0, 5] = 1
    target[0, 0, 1, 3] = 0.5
    return target


def _mask(rows=(1, 4, 2)):
    return torch.stack([(torch.arange(4) < count)[None, :, None].expand(1, 4, 6) for count in rows])


LABELS = torch.where(_mask(), _maps(1, 5).sign().long().clamp(min=0), 255)[:, 0]
LOSSES = dict(
    mse=(HeatmapMSELoss('sum'), (_maps(2, 1), _peaks(), _mask())),
    focal=(HeatmapFocalLoss(), (_maps(2, 1), _peaks(), _mask())),
    semantic=(BootstrappedCrossEntropyLoss(), (_maps(2, 1), LABELS, _maps(1, 3)[:, 0].exp())),
    offset=(OffsetL1Loss(), (_maps(2, 1), _maps(2, 2), _mask())),
)


@pytest.mark.parametrize('name', LOSSES)
@pytest.mark.parametrize('split', [(1, 2), (2, 1), (1, 1, 1)])
def test_the_mean_over_ranks_is_the_loss_of_all_images(name, split, monkeypatch):
    """Ranks with other numbers of pixels that count, one of them without a peak."""
    loss, arguments = LOSSES[name]
    batches = list(zip(*[argument.split(split) for argument in arguments], strict=True))
    expected = loss(*arguments)
    assert expected > 0
    torch.testing.assert_close(mean_of_ranks(loss, batches, monkeypatch), expected)


def test_a_rank_without_labels_takes_part(monkeypatch):
    loss = BootstrappedCrossEntropyLoss(top_fraction=0.5)
    logits, void = _maps(2, 1), torch.full_like(LABELS, 255)
    batches = [(logits, LABELS), (logits.requires_grad_(), void)]
    # 21 of the first rank's labels are kept, none of the other's.
    assert int((LABELS != 255).sum()) == 42
    expected = loss(logits, LABELS)
    torch.testing.assert_close(mean_of_ranks(loss, batches, monkeypatch), expected)
