"""Eq. 1 and Eq. 5-8 against values worked out by hand and loops."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import gradcheck

from einet.functional.losses import (
    center_cross_entropy,
    centroid_regularization,
    instance_pull_loss,
    instance_push_loss,
    instance_semantic_consistency_loss,
    semantic_center_loss,
)

ROOT2 = math.sqrt(2)

# Distances to (1, 0): 0, sqrt 2, sqrt 0.8. To (0, 5): sqrt 2, 0, sqrt 0.4. The last is ignored.
PIXELS = torch.tensor([[2.0, 0.0], [0.0, 3.0], [3.0, 4.0], [-1.0, -1.0]])
LABELS = torch.tensor([0, 0, 1, 255])
CENTERS = torch.tensor([[1.0, 0.0], [0.0, 5.0], [4.0, 4.0]])


def random_double(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def direction(vector: Tensor) -> Tensor:
    return vector / vector.norm()


def cosine(a: Tensor, b: Tensor) -> float:
    return (direction(a) @ direction(b)).item()


# --- Eq. 1, semantic centers -------------------------------------------------------------------


def test_center_loss_of_means():
    first = ROOT2 / 2 - math.sqrt(0.8) + 0.5
    second = math.sqrt(0.4) - ROOT2 / 2 + 0.5
    loss = semantic_center_loss(PIXELS, LABELS, CENTERS, margin=0.5)
    # Two of the three categories have pixels.
    assert loss.item() == pytest.approx((first + second) / 2, abs=1e-6)
    assert loss.item() == pytest.approx(0.369014, abs=1e-5)


def test_center_loss_of_sums_is_as_printed():
    loss = semantic_center_loss(PIXELS, LABELS, CENTERS, 0.5, 'sum', category_reduction='sum')
    # The second category's hinge is closed: sqrt 0.4 - sqrt 2 + 0.5 < 0.
    assert loss.item() == pytest.approx((ROOT2 - math.sqrt(0.8) + 0.5) / 2, abs=1e-6)


def test_center_loss_summed_over_categories():
    loss = semantic_center_loss(PIXELS, LABELS, CENTERS, margin=0.5, category_reduction='sum')
    assert loss.item() == pytest.approx(0.738028, abs=1e-5)


def test_center_loss_of_a_single_category_has_no_second_mean():
    loss = semantic_center_loss(PIXELS[:2], LABELS[:2], CENTERS, margin=0.5)
    assert loss.item() == pytest.approx(ROOT2 / 2 + 0.5, abs=1e-6)


@pytest.mark.parametrize('reduction', ['mean', 'sum'])
@pytest.mark.parametrize('seed', range(3))
def test_center_loss_equals_a_loop(seed, reduction):
    pixels, centers = random_double(30, 4, seed=seed), random_double(6, 4, seed=seed + 1)
    labels = torch.randint(0, 5, (30,), generator=torch.Generator().manual_seed(seed))
    labels[::7] = 255
    expected = 0.0
    for j in range(6):
        near = [(direction(s) - direction(centers[j])).norm().item() for s in pixels[labels == j]]
        rest = pixels[(labels != j) & (labels != 255)]
        far = [(direction(s) - direction(centers[j])).norm().item() for s in rest]
        if near and reduction == 'mean':
            expected += max(0, sum(near) / len(near) - sum(far) / len(far) + 0.4)
        elif near:
            expected += max(0, sum(near) - sum(far) + 40) / len(near)
    margin = 0.4 if reduction == 'mean' else 40.0
    loss = semantic_center_loss(pixels, labels, centers, margin, reduction, 'sum')
    assert loss.item() == pytest.approx(expected)
    assert expected > 0
    mean = semantic_center_loss(pixels, labels, centers, margin, reduction, 'mean')
    assert mean.item() == pytest.approx(expected / len(labels[labels != 255].unique()))


@given(st.permutations(range(4)), st.floats(1e-3, 1e3), st.integers(0, 1000))
def test_center_loss_ignores_pixel_order_lengths_and_the_names_of_categories(order, scale, seed):
    pixels, centers = random_double(12, 3, seed=seed), random_double(4, 3, seed=seed + 1)
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 4, (12,), generator=generator)
    shuffle = torch.randperm(12, generator=generator)
    loss = semantic_center_loss(pixels, labels, centers, margin=0.5)
    renamed = semantic_center_loss(
        scale * pixels[shuffle],
        torch.tensor(order).argsort()[labels][shuffle],
        centers[list(order)],
        margin=0.5,
    )
    torch.testing.assert_close(renamed, loss)


@pytest.mark.parametrize('reduction', ['mean', 'sum'])
def test_center_loss_gradcheck(reduction):
    pixels, centers = random_double(6, 3), random_double(4, 3, seed=1)
    labels = torch.tensor([0, 2, 2, 255, 0, 3])
    assert gradcheck(
        lambda s, q: semantic_center_loss(s, labels, q, 5.0, reduction),
        (pixels.requires_grad_(), centers.requires_grad_()),
    )


def test_center_loss_accepts_any_integer_labels_and_both_marks_of_ignored_pixels():
    expected = semantic_center_loss(PIXELS, LABELS, CENTERS)
    for labels in (LABELS.to(torch.uint8), torch.tensor([0, 0, 1, -1]), LABELS.int()):
        assert semantic_center_loss(PIXELS, labels, CENTERS) == expected


# --- Eq. 1, push -------------------------------------------------------------------------------


def test_push_loss():
    # Distances 1, 4 and sqrt 17.
    means = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 4.0]])
    assert instance_push_loss(means, delta_d=1.5).item() == pytest.approx(2 / 3)
    expected = (3.2 + 0.2 + 4.2 - math.sqrt(17)) / 3
    assert instance_push_loss(means, delta_d=2.1).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize('count', [0, 1])
def test_push_loss_needs_two_instances(count):
    means = torch.ones(count, 3, requires_grad=True)
    loss = instance_push_loss(means)
    loss.backward()
    assert loss.item() == 0
    assert means.grad.abs().sum() == 0


def test_push_loss_equals_the_printed_sum_over_ordered_pairs():
    means = random_double(5, 3)
    total = sum(
        max(0, 3 - (means[k] - means[m]).norm().item())
        for k in range(5)
        for m in range(5)
        if k != m
    )
    assert instance_push_loss(means).item() == pytest.approx(total / (5 * 4))


@given(st.permutations(range(5)), st.integers(0, 1000))
def test_push_loss_ignores_order_and_translation(order, seed):
    means = random_double(5, 3, seed=seed)
    moved = means[list(order)] + random_double(1, 3, seed=seed + 1)
    torch.testing.assert_close(instance_push_loss(moved), instance_push_loss(means))


def test_push_loss_gradcheck():
    assert gradcheck(instance_push_loss, (random_double(4, 3).requires_grad_(),))


def test_coincident_means_have_zero_push_gradient():
    means = torch.ones(3, 2, requires_grad=True)
    loss = instance_push_loss(means)
    loss.backward()
    assert loss.item() == 3
    assert means.grad.tolist() == [[0.0, 0.0]] * 3


# --- Eq. 1, pull -------------------------------------------------------------------------------


def test_pull_loss_is_a_mean_of_means_over_instances_with_pixels():
    # Instance 0: distances 0 and 5, hinges 0 and 4.5. Instance 2: distance 2, hinge 1.5.
    pixels = torch.tensor([[0.0, 0.0], [1.0, 1.0], [3.0, 4.0], [9.0, 9.0]])
    ids = torch.tensor([0, 2, 0, -1])
    means = torch.tensor([[0.0, 0.0], [5.0, 5.0], [1.0, 3.0]])
    loss = instance_pull_loss(pixels, ids, means, delta_v=0.5)
    assert loss.item() == pytest.approx((4.5 / 2 + 1.5) / 2)


@pytest.mark.parametrize('seed', range(3))
def test_pull_loss_equals_a_loop(seed):
    pixels, means = random_double(30, 4, seed=seed), random_double(5, 4, seed=seed + 1)
    ids = torch.randint(-1, 4, (30,), generator=torch.Generator().manual_seed(seed))
    per_instance = []
    for k in range(5):
        hinges = [max(0, (i - means[k]).norm().item() - 1.1) for i in pixels[ids == k]]
        if hinges:
            per_instance.append(sum(hinges) / len(hinges))
    loss = instance_pull_loss(pixels, ids, means, delta_v=1.1)
    assert loss.item() == pytest.approx(sum(per_instance) / len(per_instance))


@given(st.permutations(range(4)), st.integers(0, 1000))
def test_pull_loss_ignores_pixel_order_and_numbering(order, seed):
    pixels, means = random_double(12, 3, seed=seed), random_double(4, 3, seed=seed + 1)
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(-1, 4, (12,), generator=generator)
    shuffle = torch.randperm(12, generator=generator)
    renumbering = torch.cat([torch.tensor(order).argsort(), torch.tensor([-1])])
    renumbered = instance_pull_loss(pixels[shuffle], renumbering[ids][shuffle], means[list(order)])
    torch.testing.assert_close(renumbered, instance_pull_loss(pixels, ids, means))


def test_pull_loss_gradcheck():
    ids = torch.tensor([0, 2, 0, -1, 1, 2])
    inputs = (random_double(6, 3).requires_grad_(), random_double(3, 3, seed=1).requires_grad_())
    assert gradcheck(lambda i, e: instance_pull_loss(i, ids, e), inputs)


def test_a_pixel_on_its_mean_has_zero_pull_gradient():
    pixels = torch.ones(2, 3, requires_grad=True)
    instance_pull_loss(pixels, torch.tensor([0, 0]), torch.ones(1, 3), delta_v=-1.0).backward()
    assert pixels.grad.tolist() == [[0.0] * 3] * 2


# --- Eq. 5-7 -----------------------------------------------------------------------------------


def test_consistency_loss():
    means = torch.tensor([[1.0, 0.0], [3.0, 4.0]])
    centers = torch.tensor([[0.0, 1.0], [6.0, 8.0], [-1.0, 0.0]])
    present = torch.tensor([True, True, False])
    # D_c of instance 0: 0.5 (own), 0.8; of instance 1: 0.9, 1 (own).
    terms = [[1 - 0.5, 0.8 - 0.5], [0.9 - 1, 1 - 1]]
    expected = sum(-math.log(1 - (t + 0.15) / 1.15) for row in terms for t in row) / 2
    loss = instance_semantic_consistency_loss(means, torch.tensor([0, 1]), centers, present)
    assert loss.item() == pytest.approx(expected, abs=1e-6)
    assert loss.item() == pytest.approx(0.756780, abs=1e-5)


@pytest.mark.parametrize('alpha', [0.15, 0.6])
@pytest.mark.parametrize('seen', [None, (1, 1, 1, 0, 1, 1), (0, 0, 0, 0, 1, 0), (0,) * 6])
def test_consistency_loss_equals_a_loop(alpha, seen):
    means, centers = random_double(4, 3), random_double(6, 3, seed=1)
    labels, present = (
        torch.tensor([2, 0, 2, 1]),
        torch.tensor([True, False, True, True, False, False]),
    )
    total = 0.0
    for k, own in enumerate(labels.tolist()):
        near = [(1 + cosine(means[k], center)) / 2 for center in centers]
        others = [j for j in range(6) if present[j] and j != own]
        absent = [j for j in range(6) if seen and seen[j] and not present[j] and j != own]
        others += sorted(absent, key=lambda j: near[j])[-1:]
        for negative in [1.0] + [near[j] for j in others]:
            total += -math.log(1 - max(0, negative - near[own] + alpha) / (1 + alpha))
    seen = None if seen is None else torch.tensor(seen).bool()
    loss = instance_semantic_consistency_loss(means, labels, centers, present, alpha, seen=seen)
    assert loss.item() == pytest.approx(total / 4)


def test_consistency_loss_is_bounded_for_an_instance_opposite_to_its_center():
    means = torch.tensor([[-2.0, 0.0]], requires_grad=True)
    centers = torch.tensor([[1.0, 0.0], [-3.0, 0.0]])
    everything = torch.tensor([True, True])
    loss = instance_semantic_consistency_loss(means, torch.tensor([0]), centers, everything)
    loss.backward()
    assert loss.item() == pytest.approx(2 * -math.log(1e-6), rel=1e-6)
    assert means.grad.isfinite().all()


@given(st.permutations(range(4)), st.floats(1e-3, 1e4), st.integers(0, 1000))
def test_consistency_loss_ignores_order_and_lengths(order, scale, seed):
    means, centers = random_double(4, 3, seed=seed), random_double(5, 3, seed=seed + 1)
    labels, everything = torch.tensor([2, 0, 2, 1]), torch.ones(5, dtype=torch.bool)
    loss = instance_semantic_consistency_loss(means, labels, centers, everything)
    reordered = instance_semantic_consistency_loss(
        scale * means[list(order)], labels[list(order)], centers, everything
    )
    torch.testing.assert_close(reordered, loss)


def test_consistency_loss_gradcheck():
    labels, present = torch.tensor([2, 0, 2]), torch.tensor([True, False, True, True])
    inputs = (random_double(3, 3).requires_grad_(), random_double(4, 3, seed=1).requires_grad_())
    assert gradcheck(lambda e, q: instance_semantic_consistency_loss(e, labels, q, present), inputs)


# --- Eq. 8 -------------------------------------------------------------------------------------


def test_centroid_regularization():
    means = torch.tensor([[1.0, 2.0], [0.0, -1.0]])
    centroids = torch.tensor([[4.0, 6.0], [0.0, 1.0]])
    assert centroid_regularization(means, centroids).item() == pytest.approx(29 / 4)
    assert centroid_regularization(means, centroids, 'sum').item() == pytest.approx(29 / 2)


def test_centroid_regularization_gradcheck():
    inputs = (random_double(3, 4).requires_grad_(), random_double(3, 4, seed=1).requires_grad_())
    assert gradcheck(centroid_regularization, inputs)


# --- All ---------------------------------------------------------------------------------------


def all_losses(
    pixels: Tensor, means: Tensor, centers: Tensor, labels: Tensor, ids: Tensor, present: Tensor
) -> dict[str, Tensor]:
    instance_labels = torch.arange(len(means)) % len(centers)
    return {
        'center': semantic_center_loss(pixels, labels, centers),
        'center, sums': semantic_center_loss(pixels, labels, centers, 5.0, 'sum', 'sum'),
        'push': instance_push_loss(means),
        'pull': instance_pull_loss(pixels, ids, means),
        'consistency': instance_semantic_consistency_loss(means, instance_labels, centers, present),
        'centroid': centroid_regularization(means, -means.detach()),
    }


@pytest.mark.parametrize(('num_pixels', 'num_instances'), [(0, 0), (5, 0), (0, 1), (5, 1)])
def test_nothing_to_compare_gives_zero_with_a_graph(num_pixels, num_instances):
    pixels = torch.ones(num_pixels, 3, requires_grad=True)
    means = torch.ones(num_instances, 3, requires_grad=True)
    centers = torch.ones(4, 3, requires_grad=True)
    labels, ids = torch.full((num_pixels,), 255), torch.full((num_pixels,), -1)
    losses = all_losses(pixels, means, centers, labels, ids, torch.zeros(4, dtype=torch.bool))
    for name, loss in losses.items():
        assert loss.isfinite(), name
        if num_instances == 0 or name in ('center', 'push', 'pull'):
            assert loss.item() == 0, name
        loss.backward(retain_graph=True)
    for tensor in (pixels, means, centers):
        assert tensor.grad is None or tensor.grad.isfinite().all()


@pytest.mark.parametrize('scale', [0.0, 1e-8, 1e4])
def test_extreme_embeddings_have_finite_losses_and_gradients(scale):
    pixels, means, centers = (
        (scale * random_double(*shape).float()).requires_grad_()
        for shape in ((40, 3), (4, 3), (5, 3))
    )
    labels, ids = torch.arange(40) % 5, torch.arange(40) % 5 - 1
    losses = all_losses(pixels, means, centers, labels, ids, torch.ones(5, dtype=torch.bool))
    for name, loss in losses.items():
        loss.backward(retain_graph=True)
        assert loss.isfinite(), name
    for tensor in (pixels, means, centers):
        assert tensor.grad.isfinite().all()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    pixels, means, centers = (
        random_double(*shape, seed=seed).to(dtype)
        for seed, shape in enumerate(((40, 3), (4, 3), (5, 3)))
    )
    arguments = (torch.arange(40) % 5, torch.arange(40) % 5 - 1, torch.ones(5, dtype=torch.bool))
    losses = all_losses(pixels, means, centers, *arguments)
    expected = all_losses(pixels.float(), means.float(), centers.float(), *arguments)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        under_autocast = all_losses(pixels, means, centers, *arguments)
    for name, value in expected.items():
        assert losses[name].dtype == torch.float32, name
        torch.testing.assert_close(losses[name], value)
        torch.testing.assert_close(under_autocast[name], value)


def test_labels_beyond_the_centers_do_not_count():
    embeddings = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    centers = torch.tensor([[0.0, 2.0], [3.0, 0.0]])
    alone = semantic_center_loss(embeddings[:1], torch.tensor([0]), centers)
    assert semantic_center_loss(embeddings, torch.tensor([0, 2]), centers) == alone


@pytest.mark.parametrize('first', [True, False])
def test_center_loss_without_labels_has_a_graph_to_both_arguments(first):
    inputs = [torch.ones(3, 2, requires_grad=wanted) for wanted in (first, not first)]
    semantic_center_loss(inputs[0], torch.tensor([255, -1, 255]), inputs[1]).backward()
    assert inputs[not first].grad.tolist() == [[0, 0]] * 3


def test_defaults_are_the_papers():
    means = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    # 2 sigma_d - 1 of the only pair; sigma_v = 0.5 off a distance of 2; alpha = 0.15; m = 5.
    assert instance_push_loss(means).item() == pytest.approx(2)
    pixels, ids = torch.tensor([[2.0, 0.0], [1.0, 0.0]]), torch.tensor([0, 1])
    assert instance_pull_loss(pixels, ids, means).item() == pytest.approx((2 - 0.5) / 2)
    one, present = torch.tensor([[1.0, 0.0]]), torch.tensor([True])
    loss = instance_semantic_consistency_loss(one, torch.tensor([0]), one, present)
    assert loss.item() == pytest.approx(-math.log(1 - 0.15 / 1.15), rel=1e-6)
    assert semantic_center_loss(one, torch.tensor([0]), one).item() == pytest.approx(5)


def test_centroid_loss_without_instances_has_a_graph_to_both_arguments():
    means, embeddings = (torch.zeros(0, 2, requires_grad=True) for _ in range(2))
    centroid_regularization(means, embeddings).backward()
    assert means.grad is not None
    assert embeddings.grad is not None


@pytest.mark.parametrize('reduction', ['mean', 'sum'])
def test_center_loss_of_parts_is_that_of_all_pixels(reduction):
    labels = torch.tensor([0, 2, 255, 2, 3]).repeat(8)

    def loss_and_gradients(split):
        pixels, centers = random_double(40, 3).requires_grad_(), random_double(5, 3, seed=1)
        centers.requires_grad_()
        loss = semantic_center_loss(split(pixels), split(labels), centers, reduction=reduction)
        return loss, *torch.autograd.grad(loss, (pixels, centers))

    expected = loss_and_gradients(lambda values: values)
    parts = loss_and_gradients(lambda values: values.split(7))
    for value, other in zip(parts, expected, strict=True):
        torch.testing.assert_close(value, other)


def test_images_of_a_batch_have_the_losses_of_each_alone():
    """Images with 3, 0 and 2 instances; rows that are not visible must not count."""
    pixels, centers = random_double(3, 20, 4), random_double(3, 5, 4, seed=1)
    means, centroids = random_double(3, 4, 4, seed=2), random_double(3, 4, 4, seed=3)
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(-1, 5, (3, 20), generator=generator)
    visible = torch.tensor([[True, True, False, True], [False] * 4, [True, False, False, True]])
    rows = [image.nonzero()[:, 0] for image in visible]
    owners = torch.randint(-1, 2, (3, 20), generator=generator)
    owners[1] = -1
    ids = torch.stack([torch.cat([rows[b], -torch.ones(1)])[owners[b]] for b in range(3)]).long()
    instance_labels = torch.randint(0, 5, (3, 4), generator=generator)
    present = torch.rand(3, 5, generator=generator) < 0.5
    seen = torch.tensor([[True, True, False, True, True]] * 3)

    def one(b):
        own, names, numbers = means[b][rows[b]], instance_labels[b][rows[b]], owners[b].clone()
        numbers[numbers < 0] = -1
        return (
            semantic_center_loss(pixels[b], labels[b], centers[b]),
            instance_push_loss(own),
            instance_pull_loss(pixels[b], numbers, own),
            instance_semantic_consistency_loss(own, names, centers[b], present[b], seen=seen[b]),
            centroid_regularization(own, centroids[b][rows[b]]),
        )

    together = (
        semantic_center_loss(pixels, labels, centers),
        instance_push_loss(means, visible=visible),
        instance_pull_loss(pixels, ids, means),
        instance_semantic_consistency_loss(
            means, instance_labels, centers, present, visible=visible, seen=seen
        ),
        centroid_regularization(means, centroids, visible=visible),
    )
    for values, *alone in zip(together, *map(one, range(3)), strict=True):
        torch.testing.assert_close(values, torch.stack(alone))
        assert values[0] > 0


def test_center_cross_entropy_of_the_present_categories():
    # Two images, two categories of things, three categories.
    logits = torch.tensor([[[2.0, 0, 0], [0, 1.0, 3.0]], [[0, 5.0, 0], [1.0, 1.0, 1.0]]])
    present = torch.tensor([[True, True], [False, True]])
    first = math.log(1 + 2 * math.exp(-2)) + math.log(1 + math.exp(-1) + math.exp(2))
    expected = torch.tensor([first / 2, math.log(3)])
    torch.testing.assert_close(center_cross_entropy(logits, present), expected)
    nothing = center_cross_entropy(logits.requires_grad_(), torch.zeros(2, 2).bool())
    nothing.sum().backward()
    assert nothing.tolist() == [0, 0]
    assert not logits.grad.any()
    assert center_cross_entropy(torch.zeros(1, 0, 3), torch.zeros(1, 0).bool()).tolist() == [0]


def test_center_cross_entropy_is_that_of_calibrated_pixels():
    """One pixel of each category, as Eq. 4 shows them to the classifier."""
    logits = random_double(4, 6)
    expected = torch.nn.functional.cross_entropy(logits, torch.arange(4))
    present = torch.ones(4, dtype=torch.bool)
    torch.testing.assert_close(center_cross_entropy(logits, present), expected)
    assert gradcheck(lambda x: center_cross_entropy(x, present), logits.requires_grad_())
