"""The registered losses hand their options to the functions, and multiply by their weight."""

import math

import pytest
import torch
from mmdet.registry import MODELS

from einet.functional import losses, task_losses

PIXELS = torch.tensor([[2.0, 0.0], [0.0, 3.0], [3.0, 4.0], [-1.0, -1.0]])
LABELS = torch.tensor([0, 0, 1, 255])
CENTERS = torch.tensor([[1.0, 0.0], [0.0, 5.0], [4.0, 4.0]])
MEANS = torch.tensor([[1.0, 0.5], [0.0, 2.0]])
IDS = torch.tensor([0, 1, 0, -1])
PRESENT = torch.tensor([True, True, False])
LOGITS = torch.tensor([[[[0.3, -1.0]], [[2.0, 0.1]]]])
TARGET = torch.tensor([[[[1.0, 0.5]], [[0.1, 0.0]]]])
MASK = torch.tensor([[[[1.0, 0.0]]]])
# Losses 1.31, 2 * 0.31 and 2.13; the last and hardest pixel has the label that is ignored below.
SEMANTIC_LOGITS = torch.tensor([[[[0.0, 1.0, 2.0]], [[1.0, 0.0, 0.0]]]])
SEM_SEG = torch.tensor([[[0, 0, 1]]])
WEIGHTS = torch.tensor([[[1.0, 2.0, 1.0]]])

CASES = [
    # Type, function, tensors, options that are not the defaults.
    (
        'SemanticCenterLoss',
        losses.semantic_center_loss,
        (PIXELS, LABELS, CENTERS),
        dict(margin=0.5, reduction='sum'),
    ),
    ('InstancePushLoss', losses.instance_push_loss, (MEANS,), dict(delta_d=2.5)),
    ('InstancePullLoss', losses.instance_pull_loss, (PIXELS, IDS, MEANS), dict(delta_v=0.1)),
    (
        'InstanceSemanticConsistencyLoss',
        losses.instance_semantic_consistency_loss,
        (MEANS, torch.tensor([1, 0]), CENTERS, PRESENT),
        dict(alpha=0.4),
    ),
    (
        'CentroidRegularization',
        losses.centroid_regularization,
        (MEANS, MEANS.flip(0)),
        dict(reduction='sum'),
    ),
    (
        'HeatmapMSELoss',
        task_losses.heatmap_mse_loss,
        (LOGITS, TARGET, MASK),
        dict(reduction='sum'),
    ),
    (
        'HeatmapFocalLoss',
        task_losses.heatmap_focal_loss,
        (LOGITS, TARGET, MASK),
        dict(alpha=1.0, beta=3.0),
    ),
    (
        'BootstrappedCrossEntropyLoss',
        task_losses.bootstrapped_cross_entropy,
        (SEMANTIC_LOGITS, SEM_SEG, WEIGHTS),
        dict(top_fraction=0.5, ignore_index=1),
    ),
]


@pytest.mark.parametrize(('name', 'function', 'tensors', 'options'), CASES)
def test_options_and_weight_reach_the_function(name, function, tensors, options):
    loss = MODELS.build(dict(type=name, loss_weight=7.0, **options))
    expected = 7 * function(*tensors, **options)
    torch.testing.assert_close(loss(*tensors), expected)
    assert expected > 0
    for option in options:  # Each option matters by itself.
        one_less = {key: value for key, value in options.items() if key != option}
        other = MODELS.build(dict(type=name, loss_weight=7.0, **one_less))
        assert other(*tensors) != expected


@pytest.mark.parametrize(('name', 'function', 'tensors', 'options'), CASES)
def test_defaults_are_the_functions_own(name, function, tensors, options):
    loss = MODELS.build(dict(type=name, loss_weight=1.0))
    torch.testing.assert_close(loss(*tensors), function(*tensors))


def test_default_weights_are_those_of_eq_10():
    weights = {name: MODELS.build(dict(type=name)).loss_weight for name, *_ in CASES}
    assert weights == {
        'SemanticCenterLoss': 0.01,
        'InstancePushLoss': 0.01,
        'InstancePullLoss': 0.01,
        'InstanceSemanticConsistencyLoss': 0.01,
        'CentroidRegularization': 10.0,
        'HeatmapMSELoss': 200.0,
        'HeatmapFocalLoss': 1.0,
        'BootstrappedCrossEntropyLoss': 1.0,
    }


@pytest.mark.parametrize('name', ['SemanticCenterLoss', 'CentroidRegularization', 'HeatmapMSELoss'])
def test_an_unknown_reduction_is_an_error(name):
    with pytest.raises(ValueError, match=f"{name}: reduction must be 'mean' or 'sum', got 'max'"):
        MODELS.build(dict(type=name, reduction='max'))


@pytest.mark.parametrize('categories', ['nearest', 'seen'])
def test_an_instance_keeps_away_from_centers_that_were_seen_in_other_images(categories):
    # The last was never seen.
    centers = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8], [0.0, 0.0]])
    arguments = torch.tensor([[2.0, 0.0]]), torch.tensor([0]), centers
    only_own = torch.tensor([True, False, False, False])
    options = dict(type='InstanceSemanticConsistencyLoss', loss_weight=1.0, alpha=0.3)
    value = MODELS.build(options)(*arguments, only_own)
    # Eq. 5 gives the own category 1, by definition, and the two others 0.9 and 0.8.
    terms = [-math.log(1 - (negative - 1 + 0.3) / 1.3) for negative in (1, 0.9, 0.8)]
    assert value.item() == pytest.approx(terms[0])
    away = MODELS.build(dict(options, categories=categories))(*arguments, only_own)
    assert away.item() == pytest.approx(sum(terms[: 2 if categories == 'nearest' else 3]))


def test_unknown_categories_of_r_ins_are_an_error():
    with pytest.raises(ValueError, match="must be 'present' or 'nearest' or 'seen', got 'all'"):
        MODELS.build(dict(type='InstanceSemanticConsistencyLoss', categories='all'))
