"""Heatmap losses and bootstrapped cross-entropy against values worked out by hand."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck

from einet.functional.task_losses import (
    bootstrapped_cross_entropy,
    heatmap_focal_loss,
    heatmap_mse_loss,
)

LOG3 = math.log(3)  # The logit of 3/4.

# Two channels of two pixels; probabilities 3/4, 1/2 and 1/2, 3/4.
LOGITS = torch.tensor([[[[LOG3, 0.0]], [[0.0, LOG3]]]])
TARGET = torch.tensor([[[[1.0, 0.5]], [[0.1, 0.0]]]])
FIRST_PIXEL = torch.tensor([[[[True, False]]]])


def test_mse():
    squares = [1 / 16, 0.0, 0.16, 9 / 16]
    assert heatmap_mse_loss(LOGITS, TARGET).item() == pytest.approx(sum(squares) / 4)
    assert heatmap_mse_loss(LOGITS, TARGET, reduction='sum').item() == pytest.approx(
        sum(squares) / 2
    )


def test_mse_counts_unmasked_pixels_only():
    first = (1 / 16 + 0.16) / 2
    assert heatmap_mse_loss(LOGITS, TARGET, FIRST_PIXEL).item() == pytest.approx(first)
    doubled = heatmap_mse_loss(LOGITS, TARGET, FIRST_PIXEL, reduction='sum')
    assert doubled.item() == pytest.approx(2 * first)


def test_focal():
    peak = -(0.25**2) * math.log(0.75)
    near = -(0.5**4) * 0.5**2 * math.log(0.5)
    low = -(0.9**4) * 0.5**2 * math.log(0.5)
    far = -(0.75**2) * math.log(0.25)
    loss = heatmap_focal_loss(LOGITS, TARGET)
    assert loss.item() == pytest.approx(peak + near + low + far)
    assert heatmap_focal_loss(LOGITS, TARGET, FIRST_PIXEL).item() == pytest.approx(peak + low)


def test_focal_tells_alpha_from_beta():
    peak = -0.25 * math.log(0.75)
    near = -(0.5**3) * 0.5 * math.log(0.5)
    low = -(0.9**3) * 0.5 * math.log(0.5)
    far = -0.75 * math.log(0.25)
    loss = heatmap_focal_loss(LOGITS, TARGET, alpha=1, beta=3)
    assert loss.item() == pytest.approx(peak + near + low + far)


def test_focal_is_divided_by_the_peaks_that_count():
    target = torch.tensor([[[[1.0, 1.0]], [[0.0, 1.0]]]])
    expected = -(2 * 0.25**2 * math.log(0.75) + 2 * 0.25 * math.log(0.5)) / 3
    assert heatmap_focal_loss(LOGITS, target).item() == pytest.approx(expected)
    first = -(0.25**2) * math.log(0.75) - 0.25 * math.log(0.5)
    assert heatmap_focal_loss(LOGITS, target, FIRST_PIXEL).item() == pytest.approx(first)


@pytest.mark.parametrize('function', [heatmap_mse_loss, heatmap_focal_loss])
def test_heatmap_gradcheck(function):
    logits = LOGITS.double().requires_grad_()
    assert gradcheck(lambda x: function(x, TARGET.double(), FIRST_PIXEL), (logits,))


@pytest.mark.parametrize('function', [heatmap_mse_loss, heatmap_focal_loss])
def test_heatmap_losses_are_finite_everywhere(function):
    logits = torch.tensor([[[[1e4, -1e4, 0.0]]]], requires_grad=True)
    for target in (torch.zeros(1, 1, 1, 3), torch.ones(1, 1, 1, 3)):
        loss = function(logits, target)
        loss.backward()
        assert loss.isfinite()
        assert logits.grad.isfinite().all()


@pytest.mark.parametrize('function', [heatmap_mse_loss, heatmap_focal_loss])
def test_heatmap_losses_of_nothing_are_zero_with_a_graph(function):
    logits = LOGITS.clone().requires_grad_()
    loss = function(logits, TARGET, torch.zeros(1, 1, 1, 2))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.abs().sum() == 0
    no_things = torch.zeros(2, 0, 3, 4, requires_grad=True)
    for mask in (None, torch.ones(2, 1, 3, 4)):
        loss = function(no_things, no_things.detach(), mask)
        loss.backward()
        assert loss.item() == 0


@pytest.mark.parametrize('function', [heatmap_mse_loss, heatmap_focal_loss])
def test_heatmap_losses_of_half_precision(function):
    loss = function(LOGITS.half(), TARGET.half())
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, function(LOGITS.half().float(), TARGET.half().float()))


# Probabilities (1/4, 3/4) everywhere; losses log 4, log 4/3, 3 log 4/3, ignored.
SEMANTIC_LOGITS = torch.tensor([[[[0.0, 0.0]], [[LOG3, LOG3]]]] * 2)
LABELS = torch.tensor([[[0, 1]], [[1, 255]]])
WEIGHTS = torch.tensor([[[1.0, 1.0]], [[3.0, 5.0]]])
HARD, EASY = math.log(4), math.log(4 / 3)


@pytest.mark.parametrize(
    ('top_fraction', 'expected'),
    [
        (1.0, (HARD + EASY + 3 * EASY) / 3),
        (0.99, (HARD + 3 * EASY) / 2),  # Two of the three labeled pixels, over both images.
        (0.67, (HARD + 3 * EASY) / 2),
        (0.5, HARD),
        (0.01, HARD),
    ],
)
def test_cross_entropy_keeps_the_hardest_labeled_pixels(top_fraction, expected):
    loss = bootstrapped_cross_entropy(SEMANTIC_LOGITS, LABELS, WEIGHTS, top_fraction)
    assert loss.item() == pytest.approx(expected)


def test_weights_decide_what_is_hard():
    weights = torch.tensor([[[1.0, 1.0]], [[9.0, 1.0]]])
    loss = bootstrapped_cross_entropy(SEMANTIC_LOGITS, LABELS, weights, top_fraction=0.4)
    assert loss.item() == pytest.approx(9 * EASY)


def test_plain_cross_entropy_is_the_special_case():
    logits = torch.randn(2, 5, 3, 4)
    labels = torch.randint(0, 5, (2, 3, 4))
    labels[0, 0] = 255
    expected = F.cross_entropy(logits, labels, ignore_index=255)
    torch.testing.assert_close(bootstrapped_cross_entropy(logits, labels), expected)
    torch.testing.assert_close(bootstrapped_cross_entropy(logits, labels.to(torch.uint8)), expected)


@given(st.floats(0.01, 1.0), st.integers(0, 1000))
def test_cross_entropy_equals_a_sorted_list(top_fraction, seed):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, 3, 2, 4, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 4, (2, 2, 4), generator=generator)
    labels[labels == 3] = 255
    weights = torch.rand(2, 2, 4, generator=generator, dtype=torch.float64)
    losses = []
    for b, y, x in torch.nonzero(labels != 255).tolist():
        probability = logits[b, :, y, x].softmax(0)[labels[b, y, x]]
        losses.append(-weights[b, y, x].item() * math.log(probability))
    kept = sorted(losses, reverse=True)[: max(1, int(top_fraction * len(losses)))]
    loss = bootstrapped_cross_entropy(logits, labels, weights, top_fraction)
    assert loss.item() == pytest.approx(sum(kept) / len(kept) if kept else 0)
    flipped = bootstrapped_cross_entropy(
        logits.flip(-1), labels.flip(-1), weights.flip(-1), top_fraction
    )
    torch.testing.assert_close(flipped, loss)


@pytest.mark.parametrize('top_fraction', [1.0, 0.5])
def test_cross_entropy_gradcheck(top_fraction):
    logits = torch.randn(
        2, 3, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    ).requires_grad_()
    labels = torch.tensor([[[0, 2], [1, 255]], [[2, 2], [0, 1]]])
    assert gradcheck(lambda x: bootstrapped_cross_entropy(x, labels, None, top_fraction), (logits,))


@pytest.mark.parametrize('top_fraction', [1.0, 0.2])
def test_cross_entropy_of_ignored_pixels_is_zero_with_a_graph(top_fraction):
    logits = SEMANTIC_LOGITS.clone().requires_grad_()
    loss = bootstrapped_cross_entropy(
        logits, torch.full((2, 1, 2), 255), WEIGHTS, top_fraction=top_fraction
    )
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.abs().sum() == 0


@pytest.mark.parametrize('top_fraction', [1.0, 0.5])
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_cross_entropy_of_half_precision_is_computed_in_full(dtype, top_fraction, monkeypatch):
    monkeypatch.setattr('einet.functional.upsampled_cross_entropy._CHUNK', 64)
    generator = torch.Generator().manual_seed(0)
    logits = (8 * torch.randn(2, 3, 4, 5, generator=generator)).to(dtype)
    labels = torch.randint(0, 3, (2, 16, 20), generator=generator)

    def loss_and_gradient(logits):
        logits.requires_grad_()
        loss = bootstrapped_cross_entropy(logits, labels, top_fraction=top_fraction)
        return loss, torch.autograd.grad(loss, logits)[0]

    expected, gradient = loss_and_gradient(logits.float())
    for enabled in (False, True):
        with torch.autocast('cpu', dtype, enabled):
            loss, found = loss_and_gradient(logits.clone())
        assert loss.dtype == torch.float32 and loss == expected
        assert found.equal(gradient.to(dtype))


def test_cross_entropy_of_huge_logits():
    huge = (1e4 * SEMANTIC_LOGITS).requires_grad_()
    loss = bootstrapped_cross_entropy(huge, LABELS)
    loss.backward()
    assert loss.isfinite()
    assert huge.grad.isfinite().all()


@pytest.mark.parametrize('top_fraction', [0.0, -0.2, 1.5])
def test_a_wrong_fraction_is_an_error(top_fraction):
    with pytest.raises(ValueError, match='top_fraction must be in'):
        bootstrapped_cross_entropy(SEMANTIC_LOGITS, LABELS, top_fraction=top_fraction)


def test_masks_choose_rows_and_columns():
    logits = torch.zeros(1, 1, 2, 2)  # probabilities of 1/2
    mask = torch.tensor([[[[1.0, 0.0], [1.0, 0.0]]]])
    loss = heatmap_mse_loss(logits, torch.tensor([[[[1.0, 1.0], [0.75, 0.0]]]]), mask)
    assert loss.item() == pytest.approx((0.25 + 0.0625) / 2)
    # Three peaks, of which two count.
    loss = heatmap_focal_loss(logits, torch.tensor([[[[1.0, 1.0], [1.0, 0.0]]]]), mask)
    assert loss.item() == pytest.approx(2 * 0.25 * math.log(2) / 2)


def test_focal_of_a_few_rows_at_a_time(monkeypatch):
    generator = torch.Generator().manual_seed(0)
    target = torch.rand(2, 5, 3, 4, generator=generator).round(decimals=1)
    mask = torch.rand(2, 1, 3, 4, generator=generator) > 0.3

    def loss_and_gradient():
        logits = torch.linspace(-3, 3, target.numel()).view_as(target).requires_grad_()
        loss = heatmap_focal_loss(logits, target, mask, alpha=1.5, beta=3)
        return loss, torch.autograd.grad(loss, logits)[0]

    expected = loss_and_gradient()
    monkeypatch.setattr('einet.functional.task_losses._CHUNK', 2 * 5 * 4 * 2)  # two rows
    for value, other in zip(loss_and_gradient(), expected, strict=True):
        torch.testing.assert_close(value, other)
