"""Labels, weights and loss of the semantic part."""

import math

import pytest
import torch

from einet.models import BootstrappedCrossEntropyLoss
from einet.models.coarse_maps import batch_instances
from einet.models.semantics import SemanticTargets, build_semantic_targets, semantic_loss

from .samples import make_sample


def test_targets_by_hand():
    samples = [
        make_sample((2, 4), [(1, 0, 0, 1, 2), (0, 1, 1, 4, 2)], void_rows=1),
        make_sample((2, 4), []),
    ]
    targets = build_semantic_targets(samples, batch_instances(samples), 3, 5.0)
    assert targets.sem_seg.dtype == torch.long
    assert targets.sem_seg.tolist() == [[[1, 255, 255, 255], [1, 0, 0, 0]], [[2] * 4] * 2]
    # The first instance has 2 pixels, less than 3, the other has 3.
    assert targets.pixel_weights.tolist() == [[[5, 1, 1, 1], [5, 1, 1, 1]], [[1] * 4] * 2]


def _targets():
    """One row of four pixels, the last one ignored."""
    labels = torch.tensor([[[0, 0, 1, 255]]])
    return SemanticTargets(labels, torch.tensor([[[1.0, 3.0, 1.0, 1.0]]]))


def test_weights_count_and_ignored_pixels_do_not():
    loss = BootstrappedCrossEntropyLoss(loss_weight=2.0)
    value = semantic_loss(loss, torch.zeros(1, 2, 1, 4), _targets(), 1).item()
    # The sum of the weights 1, 3 and 1 over the three pixels that count.
    assert value == pytest.approx(2 * math.log(2) * 5 / 3)


def test_a_stride_reads_every_second_pixel():
    loss = BootstrappedCrossEntropyLoss()
    value = semantic_loss(loss, torch.zeros(1, 2, 1, 4), _targets(), 2).item()
    # Pixels 1 and 3 stay: a weight of 3, and one that does not count.
    assert value == pytest.approx(3 * math.log(2))


def test_logits_are_enlarged_between_the_corners_of_pixels():
    logits = torch.tensor([[[[0.0, 4.0]]]])
    enlarged = semantic_loss(lambda logits, *_: logits, logits, _targets(), 1)
    # The middles of four pixels lie at -1/4, 1/4, 3/4 and 5/4 of the way between the two logits.
    assert enlarged.tolist() == [[[[0, 1, 3, 4]]]]


def test_a_loss_that_upsamples_gets_the_logits_as_they_are():
    def given(logits, *_):
        return logits

    given.upsamples = True
    logits = torch.zeros(1, 2, 1, 2)
    assert semantic_loss(given, logits, _targets(), 1) is logits
