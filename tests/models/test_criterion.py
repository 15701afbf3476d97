import math

import pytest
import torch
from torch.nn import functional as F

from einet.models.criterion import EINetCriterion, EmbeddingSummary, TrainingOutputs
from einet.models.targets import build_targets

from .samples import make_sample

LOSSES = dict(
    push=dict(type='InstancePushLoss', delta_d=1.5, loss_weight=2.0),
    pull=dict(type='InstancePullLoss', delta_v=0.5, loss_weight=3.0),
    centroid=dict(type='CentroidRegularization', loss_weight=10.0),
)


def _call(criterion, targets, means, centroids, embedding):
    """The losses of two images on their instances."""
    rows = targets.visible.shape[1]
    means, centroids = (
        torch.stack([F.pad(image, (0, 0, 0, rows - len(image))) for image in values])
        for values in (means, centroids)
    )
    summary = EmbeddingSummary(
        category_means=torch.zeros(2, 3, 2),
        instance_means=means,
        # Others, which none of these losses reads.
        raw_instance_means=3 * means + 7,
        centroid_embeddings=centroids,
    )
    outputs = TrainingOutputs(
        semantic_logits=torch.zeros(2, 3, 2, 3),
        center_logits=None,
        heatmap_logits=torch.zeros(2, 2, 2, 3),
        semantic_embedding=[torch.zeros(2, 2, 2, 3)],
        instance_embedding=[embedding],
    )
    return criterion(outputs, targets, summary, torch.zeros(2, 3, 2))


def _semantic(criterion, logits, targets, center_logits=None):
    """The semantic losses alone: nothing else is given."""
    nothing = [torch.zeros(len(logits), 2, 2, 3)]
    outputs = TrainingOutputs(logits, center_logits, nothing[0], nothing, nothing)
    empty = EmbeddingSummary(*torch.zeros(4, 1))
    return criterion(outputs, targets, empty, torch.zeros(2, 3, 2))


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


def test_images_are_counted_over_all_ranks(monkeypatch):
    # Two ranks, and the other has no image with instances: the mean is half of this one's count.
    monkeypatch.setattr('einet.models.criterion.mean_over_ranks', lambda counts: counts / 2)
    samples = [make_sample((8, 12), [(0, 0, 0, 4, 8), (1, 8, 0, 12, 8)]), make_sample((8, 12), [])]
    targets = build_targets(samples, (2, 3), num_things_classes=2, num_classes=3)
    means = [torch.tensor([[0.0, 0.0], [1.0, 0.0]]), torch.zeros(0, 2)]
    values = _call(EINetCriterion(LOSSES), targets, means, means, torch.zeros(2, 2, 2, 3))
    assert values['loss_push'].item() == pytest.approx(2 * 2.0 * 2.0)


def _two_images_and_a_void_one():
    """Image 0: class 0 in the first column, twice class 1, stuff between; image 1: stuff alone."""
    samples = [
        make_sample((8, 12), [(0, 0, 0, 4, 8), (1, 8, 0, 12, 4), (1, 8, 4, 12, 8)]),
        make_sample((8, 12), []),
        make_sample((8, 12), [], void_rows=8),
    ]
    return build_targets(samples, (2, 3), num_things_classes=2, num_classes=3)


def _outputs(**maps):
    blank = dict(
        semantic_logits=torch.zeros(3, 3, 2, 3),
        center_logits=None,
        heatmap_logits=torch.zeros(3, 2, 2, 3),
        semantic_embedding=[torch.zeros(3, 2, 2, 3)],
        instance_embedding=[torch.zeros(3, 2, 2, 3)],
    )
    return TrainingOutputs(**{**blank, **maps})


def _summary(raw_means=None):
    """Of the three images; E of image 0 differs from the raw one."""
    means = F.pad(torch.tensor([[[9.0, -9.0], [-9.0, 9.0], [9.0, 9.0]]]), (0, 0, 0, 29, 0, 2))
    raw = means if raw_means is None else F.pad(raw_means[None], (0, 0, 0, 29, 0, 2))
    return EmbeddingSummary(torch.zeros(3, 3, 2), means, raw, means)


# Q as the images see it. Category 1 of image 1 would change its value, were it present.
CENTERS = torch.tensor(
    [
        [[2.0, 0.0], [0.0, 1.0], [-3.0, 0.0]],
        [[0.0, 1.0], [1.0, 0.0], [0.0, 4.0]],
        [[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]],
    ]
)


def test_center_term_averages_over_images_that_have_labels():
    loss = dict(type='SemanticCenterLoss', margin=1.25, category_reduction='sum', loss_weight=7.0)
    embedding = torch.zeros(3, 2, 2, 3)
    embedding[0, :, :, 0] = torch.tensor([[3.0], [4.0]])  # class 0
    embedding[0, :, :, 1] = torch.tensor([[-1.0], [0.0]])  # stuff
    embedding[0, :, :, 2] = torch.tensor([[0.0], [6.0]])  # class 1
    embedding[1, 0] = 5.0
    outputs = _outputs(semantic_embedding=[embedding])
    values = EINetCriterion(dict(center=loss))(
        outputs, _two_images_and_a_void_one(), _summary(), CENTERS
    )
    # D_e = sqrt(2 - 2 cos); cosines of (0.6, 0.8), (0, 1), (-1, 0) with (1, 0), (0, 1), (-1, 0).
    first = [
        math.sqrt(0.8) - (math.sqrt(2) + 2) / 2 + 1.25,
        0 - (math.sqrt(0.4) + math.sqrt(2)) / 2 + 1.25,
        0 - (math.sqrt(3.2) + math.sqrt(2)) / 2 + 1.25,
    ]
    second = math.sqrt(2) + 1.25
    expected = 7 * (sum(max(term, 0) for term in first) + second) / 2
    assert values['loss_center'].item() == pytest.approx(expected, rel=1e-6)


def test_consistency_term_compares_raw_means_with_the_centers_of_their_image():
    loss = dict(type='InstanceSemanticConsistencyLoss', alpha=0.15, loss_weight=2.0)
    raw = torch.tensor([[3.0, 4.0], [0.0, 5.0], [0.0, 0.5]])
    targets = _two_images_and_a_void_one()
    values = EINetCriterion(dict(consistency=loss))(_outputs(), targets, _summary(raw), CENTERS)

    def term(difference):
        return -math.log(1 - (difference + 0.15) / 1.15)

    # D_c of (0.6, 0.8) with (1, 0), (0, 1), (-1, 0): 0.8, 0.9, 0.2; its own is 0.8.
    first = term(1 - 0.8) + term(0.9 - 0.8)
    # (0, 1) with its own: 1; with the others 0.5. Twice, and only image 0 has instances.
    assert values['loss_consistency'].item() == pytest.approx(2 * (first + 2 * term(0)) / 3)


def test_heatmap_term_counts_the_pixels_of_its_mask():
    loss = dict(type='HeatmapMSELoss', loss_weight=200.0)
    targets = _two_images_and_a_void_one()
    targets.heatmap = torch.full((3, 2, 2, 3), 0.5)
    targets.heatmap[0, 1, 0, 2] = 1.0
    targets.heatmap[0, 0, 1, 0] = 0.25
    targets.heatmap[2] = 9.0  # void
    values = EINetCriterion(dict(heatmap=loss))(_outputs(), targets, _summary(), CENTERS)
    # Probabilities of 1/2; mean over two channels, over the 12 pixels of two images.
    assert values['loss_heatmap'].item() == pytest.approx(200 * (0.25 + 0.0625) / 2 / 12)


def test_logits_of_centers_have_a_weighted_term_of_their_own(monkeypatch):
    losses = dict(semantic=dict(type='BootstrappedCrossEntropyLoss', loss_weight=2.0))
    # Category 0 in one image, both in the other.
    boxes = [[(0, 0, 0, 4, 8)], [(0, 0, 0, 4, 8), (1, 8, 0, 12, 8)]]
    samples = [make_sample((8, 12), each) for each in boxes]
    targets = build_targets(samples, (2, 3), 2, 3, small_instance_weight=1.0)
    logits, centers = torch.zeros(2, 3, 2, 3), torch.zeros(2, 2, 3)
    centers[1, 1, 1] = math.log(4)
    criterion = EINetCriterion(losses, calibrated_weight=0.3)
    values = _semantic(criterion, logits, targets, centers)
    assert values['loss_semantic'].item() == pytest.approx(2 * math.log(3))
    # Of the second image, log(3) and log(6 / 4).
    mean = (math.log(3) + (math.log(3) + math.log(1.5)) / 2) / 2
    assert values['loss_calibrated'].item() == pytest.approx(0.3 * mean, rel=1e-5)
    assert set(_semantic(criterion, logits, targets)) == {'loss_semantic'}
    assert _semantic(EINetCriterion({}), logits, targets, centers) == {}
    # Two ranks, and the other has no things.
    monkeypatch.setattr('einet.models.criterion.mean_over_ranks', lambda counts: counts / 2)
    value = _semantic(criterion, logits, targets, centers)['loss_calibrated']
    assert value.item() == pytest.approx(0.6 * mean, rel=1e-5)


def test_semantic_stride_reads_the_pixels_in_the_middle_of_its_cells():
    losses = dict(semantic=dict(type='BootstrappedCrossEntropyLoss'))
    sample = make_sample((8, 12), [(0, 0, 0, 5, 3)])
    targets = build_targets([sample], (2, 3), 2, 3, small_instance_weight=1.0)
    logits = torch.randn(1, 3, 2, 3, generator=torch.Generator().manual_seed(0))
    value = _semantic(EINetCriterion(losses, semantic_stride=2), logits, targets)['loss_semantic']
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
