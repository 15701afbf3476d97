import math

import pytest
import torch

from einet.models.criterion import EINetCriterion, EmbeddingSummary, TrainingOutputs
from einet.models.targets import build_targets

from .samples import make_sample

LOSSES = dict(
    push=dict(type='InstancePushLoss', delta_d=1.5, loss_weight=2.0),
    pull=dict(type='InstancePullLoss', delta_v=0.5, loss_weight=3.0),
    centroid=dict(type='CentroidRegularization', loss_weight=10.0),
)


def _call(criterion, targets, means, centroids, embedding):
    summary = EmbeddingSummary(
        category_means=list(torch.zeros(2, 3, 2)),
        instance_means=means,
        raw_instance_means=means,
        centroid_embeddings=centroids,
    )
    outputs = TrainingOutputs(
        semantic_logits=[torch.zeros(2, 3, 2, 3)],
        heatmap_logits=torch.zeros(2, 2, 2, 3),
        semantic_embedding=torch.zeros(2, 2, 2, 3).unbind(),
        instance_embedding=embedding.unbind(),
    )
    return criterion(outputs, targets, summary, torch.zeros(2, 3, 2))


def _semantic(criterion, logits, targets):
    """The semantic loss alone: nothing else is given."""
    outputs = TrainingOutputs(logits, torch.zeros(len(logits[0]), 2, 2, 3), [], [])
    summary = EmbeddingSummary([], [], [], [])
    return criterion(outputs, targets, summary, torch.zeros(2, 3, 2))['loss_semantic']


def test_instance_terms_average_over_images_that_have_instances():
    samples = [make_sample((8, 12), [(0, 0, 0, 4, 8), (1, 8, 0, 12, 8)]), make_sample((8, 12), [])]
    targets = build_targets(samples, (2, 3), num_things_classes=2, num_classes=3)
    means = [torch.tensor([[0.0, 0.0], [1.0, 0.0]]), torch.zeros(0, 2)]
    centroids = [torch.tensor([[0.0, 2.0], [1.0, 1.0]]), torch.zeros(0, 2)]
    embedding = torch.zeros(2, 2, 2, 3)
    embedding[0, 0, :, 2] = torch.tensor([1.0, 3.0])
    values = _call(EINetCriterion(LOSSES), targets, means, centroids, embedding)
    # One image counts. Push: both ordered pairs have [3 - 1]. Pull: the second instance's two
    # pixels have [0 - 0.5]_+ and [2 - 0.5], halved over its pixels and over the instances.
    assert values['loss_push'].item() == pytest.approx(2.0 * 2.0)
    assert values['loss_pull'].item() == pytest.approx(3.0 * (0 + 1.5 / 2) / 2)
    assert values['loss_centroid'].item() == pytest.approx(10.0 * (4 + 1) / 4)


def test_semantic_loss_is_the_mean_of_raw_and_calibrated_logits():
    losses = dict(semantic=dict(type='BootstrappedCrossEntropyLoss'))
    samples = [make_sample((8, 12), [], void_rows=3)] * 2
    targets = build_targets(samples, (2, 3), num_things_classes=2, num_classes=3)
    sure = torch.full((2, 3, 2, 3), -50.0)
    sure[:, 2] = 50.0
    criterion = EINetCriterion(losses)
    unsure = torch.zeros(2, 3, 2, 3)
    both, raw, calibrated = (
        _semantic(criterion, logits, targets).item()
        for logits in ([sure, unsure], [unsure], [sure])
    )
    assert both == pytest.approx(math.log(3) / 2, rel=1e-5)
    assert raw == pytest.approx(math.log(3), rel=1e-5)
    assert calibrated == pytest.approx(0, abs=1e-5)


def test_semantic_stride_reads_the_pixels_in_the_middle_of_its_cells():
    losses = dict(semantic=dict(type='BootstrappedCrossEntropyLoss'))
    sample = make_sample((8, 12), [(0, 0, 0, 5, 3)])
    targets = build_targets([sample], (2, 3), 2, 3, small_instance_weight=1.0)
    logits = torch.randn(1, 3, 2, 3, generator=torch.Generator().manual_seed(0))
    value = _semantic(EINetCriterion(losses, semantic_stride=2), [logits], targets)
    upsampled = torch.nn.functional.interpolate(logits, (4, 6), mode='bilinear')
    labels = targets.sem_seg[:, 1::2, 1::2]
    assert labels[0, :2].tolist() == [[0, 0, 2, 2, 2, 2], [2, 2, 2, 2, 2, 2]]
    torch.testing.assert_close(value, torch.nn.functional.cross_entropy(upsampled, labels))


def test_none_leaves_a_term_out():
    criterion = EINetCriterion(dict(LOSSES, push=None))
    assert set(criterion.losses) == {'pull', 'centroid'}


def test_unknown_loss_name():
    with pytest.raises(ValueError, match='shove'):
        EINetCriterion(dict(shove=LOSSES['push']))
