"""Eq. 2-4 against values worked out by hand and loops."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import gradcheck

from einet.functional.interaction import (
    affinity,
    calibrate,
    calibrated_cosine,
    center_contributions,
    embedding_distance,
    unit,
    update_centers,
)

# phi(E_0) = (0.6, 0.8): D_e to V_0 is sqrt(0.8), to V_1 sqrt(0.4). phi(E_1) = (0, -1).
MEANS = torch.tensor([[3.0, 4.0], [0.0, -2.0]])
CATEGORIES = torch.tensor([[5.0, 0.0], [0.0, 0.5], [-1.0, 0.0]])


def random_double(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_unit():
    vectors = torch.tensor([[3.0, 4.0], [0.0, -2e-3], [0.0, 0.0]])
    torch.testing.assert_close(unit(vectors), torch.tensor([[0.6, 0.8], [0.0, -1.0], [0.0, 0.0]]))


def test_unit_of_zero_has_zero_gradient():
    vectors = torch.zeros(2, 3, requires_grad=True)
    unit(vectors).sum().backward()
    assert vectors.grad.tolist() == [[0.0] * 3] * 2


def test_embedding_distance():
    expected = [
        [math.sqrt(0.8), math.sqrt(0.4), math.sqrt(3.2)],
        [math.sqrt(2), 2.0, math.sqrt(2)],
    ]
    torch.testing.assert_close(embedding_distance(MEANS, CATEGORIES), torch.tensor(expected))


def test_embedding_distance_to_zero_is_one():
    assert embedding_distance(MEANS[:1], torch.zeros(1, 2)).tolist() == [[1.0]]


def test_calibrated_cosine():
    expected = [[0.8, 0.9, 0.2], [0.5, 0.0, 0.5]]
    torch.testing.assert_close(calibrated_cosine(MEANS, CATEGORIES), torch.tensor(expected))


@given(st.floats(1e-3, 1e6), st.integers(0, 1000))
def test_distances_depend_on_direction_only_and_are_symmetric(scale, seed):
    a, b = random_double(4, 3, seed=seed), random_double(5, 3, seed=seed + 1)
    distance = embedding_distance(a, b)
    torch.testing.assert_close(embedding_distance(scale * a, b), distance)
    torch.testing.assert_close(embedding_distance(b, a).t(), distance)
    # On the unit sphere both are functions of one angle: D_e^2 = 4 (1 - D_c).
    torch.testing.assert_close(distance.square(), 4 * (1 - calibrated_cosine(a, b)))


@pytest.mark.parametrize('function', [embedding_distance, calibrated_cosine])
def test_coincident_opposite_and_zero_vectors_have_finite_gradients(function):
    a = torch.tensor([[0.3, -0.7, 0.2], [0.0, 0.0, 0.0], [1e4, 1e-4, -1e4]], requires_grad=True)
    b = torch.cat([2 * a, -a]).detach().requires_grad_()
    values = function(a, b)
    values.sum().backward()
    assert values.isfinite().all()
    assert a.grad.isfinite().all()
    assert b.grad.isfinite().all()


def test_distance_of_a_vector_to_itself_is_zero_with_zero_gradient():
    a = torch.tensor([[0.3, -0.7, 0.2]], requires_grad=True)
    distance = embedding_distance(a, a.detach())
    distance.sum().backward()
    assert distance.tolist() == [[0.0]]
    assert a.grad.tolist() == [[0.0, 0.0, 0.0]]


@pytest.mark.parametrize('function', [embedding_distance, calibrated_cosine])
def test_distance_gradcheck(function):
    a, b = random_double(3, 4), random_double(2, 4, seed=1)
    assert gradcheck(function, (a.requires_grad_(), b.requires_grad_()))


def test_affinity_prefers_the_nearest_category():
    near, far = math.exp(-math.sqrt(0.4)), math.exp(-math.sqrt(0.8))
    present = torch.tensor([True, True, False])
    weights = affinity(MEANS, CATEGORIES, present)
    expected = torch.tensor([far / (near + far), near / (near + far), 0.0])
    torch.testing.assert_close(weights[0], expected)
    assert expected[:2].tolist() == pytest.approx([0.434879, 0.565121], abs=1e-6)


def test_literal_affinity_prefers_the_farthest_category():
    near, far = math.exp(math.sqrt(0.4)), math.exp(math.sqrt(0.8))
    weights = affinity(MEANS, CATEGORIES[:2], literal=True)
    torch.testing.assert_close(weights[0], torch.tensor([far / (near + far), near / (near + far)]))


def test_affinity_at_a_lower_temperature_is_sharper():
    near, far = math.exp(-math.sqrt(0.4) / 0.1), math.exp(-math.sqrt(0.8) / 0.1)
    weights = affinity(MEANS, CATEGORIES[:2], temperature=0.1)
    torch.testing.assert_close(weights[0], torch.tensor([far / (near + far), near / (near + far)]))
    assert weights[0, 1] > 0.9


def test_affinity_over_all_categories_equals_all_present():
    everything = torch.ones(3, dtype=torch.bool)
    torch.testing.assert_close(affinity(MEANS, CATEGORIES), affinity(MEANS, CATEGORIES, everything))


def test_affinity_without_any_category_is_zero():
    means = MEANS.clone().requires_grad_()
    weights = affinity(means, CATEGORIES, torch.zeros(3, dtype=torch.bool))
    weights.sum().backward()
    assert weights.tolist() == [[0.0] * 3] * 2
    assert means.grad.isfinite().all()


@given(st.permutations(range(4)), st.integers(0, 1000))
def test_affinity_rows_sum_to_one_and_follow_the_instances(order, seed):
    means, categories = random_double(4, 3, seed=seed), random_double(5, 3, seed=seed + 1)
    present = torch.tensor([True, False, True, True, False])
    weights = affinity(means, categories, present)
    torch.testing.assert_close(weights.sum(1), torch.ones(4, dtype=torch.float64))
    torch.testing.assert_close(
        affinity(means[list(order)], categories, present), weights[list(order)]
    )
    # Absent categories play no part, whatever their rows contain.
    torch.testing.assert_close(affinity(means, categories * present[:, None], present), weights)


def test_contributions():
    # Things 0, 1, 2; stuff 3, 4. Instances of 0 only; 1 is seen as crowd; 2 and 4 are absent.
    categories = torch.tensor([[9.0, 9.0], [0.0, 3.0], [7.0, 7.0], [-8.0, 6.0], [1.0, 1.0]])
    present = torch.tensor([True, True, False, True, False])
    weights = torch.tensor([[0.5, 0.2, 0.0, 0.3, 0.0], [0.1, 0.6, 0.0, 0.3, 0.0]])
    numerator, denominator = center_contributions(
        MEANS, torch.tensor([0, 0]), categories, weights, present, num_things=3
    )
    # Category 0: 0.5 (0.6, 0.8) + 0.1 (0, -1).
    expected = [[0.3, 0.3], [0.0, 1.0], [0.0, 0.0], [-0.8, 0.6], [0.0, 0.0]]
    torch.testing.assert_close(numerator, torch.tensor(expected))
    torch.testing.assert_close(denominator, torch.tensor([0.6, 1.0, 0.0, 1.0, 0.0]))


def test_contributions_of_own_instances_only():
    # Things 0 and 1 with one and two instances, thing 2 without.
    means = torch.tensor([[3.0, 4.0], [0.0, -2.0], [-5.0, 0.0]])
    weights = torch.tensor([[0.5, 0.2, 0.3], [0.1, 0.6, 0.3], [0.2, 0.3, 0.5]])
    categories, present = torch.tensor([[9.0, 9.0], [7.0, 7.0], [0.0, 3.0]]), torch.ones(3).bool()
    arguments = (means, torch.tensor([0, 1, 1]), categories, weights, present, 3)
    numerator, denominator = center_contributions(*arguments, instances='own')
    # 0.5 (0.6, 0.8); 0.6 (0, -1) + 0.3 (-1, 0); phi(V).
    torch.testing.assert_close(numerator, torch.tensor([[0.3, 0.4], [-0.3, -0.6], [0.0, 1.0]]))
    torch.testing.assert_close(denominator, torch.tensor([0.5, 0.9, 1.0]))
    everything = center_contributions(*arguments, instances='all')
    torch.testing.assert_close(everything[1], torch.tensor([0.8, 1.1, 1.0]))


def test_contributions_without_instances_are_the_category_means():
    nothing = torch.zeros(0, 2, requires_grad=True)
    numerator, denominator = center_contributions(
        nothing,
        torch.zeros(0).long(),
        CATEGORIES,
        torch.zeros(0, 3),
        torch.tensor([True, False, True]),
        num_things=2,
    )
    numerator.sum().backward()
    torch.testing.assert_close(numerator, torch.tensor([[1.0, 0.0], [0.0, 0.0], [-1.0, 0.0]]))
    assert denominator.tolist() == [1.0, 0.0, 1.0]


def test_contributions_ignore_instances_of_absent_categories_and_nan_of_absent_means():
    # An instance's own category can be missing from the present ones when its pixels are ignored.
    categories = torch.tensor([[1.0, 0.0], [torch.nan, torch.nan]])
    present = torch.tensor([True, False])
    numerator, denominator = center_contributions(
        MEANS, torch.tensor([1, 1]), categories, torch.tensor([[1.0, 0], [1, 0]]), present, 2
    )
    assert numerator.tolist() == [[1.0, 0.0], [0.0, 0.0]]
    assert denominator.tolist() == [1.0, 0.0]


def test_update():
    centers = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    seen = torch.tensor([True, False, True])
    numerator = torch.tensor([[0.3, -0.9], [0.4, 1.0], [0.0, 0.0]])
    denominator = torch.tensor([0.6, 2.0, 0.0])
    updated = update_centers(centers, seen, numerator, denominator, momentum=0.8)
    # 0.8 (1, 2) + 0.2 (0.5, -1.5); first sight: (0.2, 0.5); absent: unchanged.
    torch.testing.assert_close(updated, torch.tensor([[0.9, 1.3], [0.2, 0.5], [5.0, 6.0]]))
    literal = update_centers(centers, seen, numerator, denominator, 0.8, normalize=False)
    torch.testing.assert_close(literal, torch.tensor([[0.86, 1.42], [0.4, 1.0], [5.0, 6.0]]))


@pytest.mark.parametrize('normalize', [True, False])
@pytest.mark.parametrize('instances', ['own', 'all'])
def test_whole_update_gradcheck_and_loop(normalize, instances):
    means, categories = random_double(3, 4), random_double(5, 4, seed=1)
    centers, labels = random_double(5, 4, seed=2), torch.tensor([1, 0, 1])
    seen = torch.tensor([True, True, True, False, True])
    present = torch.tensor([True, True, True, True, False])

    def whole(e: Tensor, v: Tensor) -> Tensor:
        weights = affinity(e, v, present)
        sums = center_contributions(e, labels, v, weights, present, 3, instances)
        return update_centers(centers, seen, *sums, momentum=0.9, normalize=normalize)

    assert gradcheck(whole, (means.requires_grad_(), categories.requires_grad_()))

    direction = means / means.norm(dim=1, keepdim=True)
    targets = categories / categories.norm(dim=1, keepdim=True)
    expected = centers.clone()
    for j in (0, 1):
        weights = []
        for k in range(3):
            scores = [math.exp(-(direction[k] - targets[c]).norm().item()) for c in range(4)]
            counts = instances == 'all' or labels[k] == j
            weights.append(scores[j] / sum(scores) if counts else 0.0)
        total = sum(w * e for w, e in zip(weights, direction, strict=True))
        expected[j] = 0.9 * centers[j] + 0.1 * total / (sum(weights) if normalize else 1)
    expected[2] = 0.9 * centers[2] + 0.1 * targets[2]
    expected[3] = targets[3]
    torch.testing.assert_close(whole(means, categories), expected)


def test_calibrate_replaces_thing_pixels_only():
    embedding = torch.tensor([[6.0, 8.0], [3.0, 4.0], [0.0, 5.0], [7.0, 8.0], [9.0, 0.5]])
    centers = torch.tensor([[0.5, 0.0], [0.3, -0.4], [0.6, 0.1]])
    is_thing = torch.tensor([True, True, False])
    arguments = embedding, torch.tensor([1, 2, 0, 255, -1]), centers, is_thing
    expected = [[0.3, -0.4], [3.0, 4.0], [0.5, 0.0], [7.0, 8.0], [9.0, 0.5]]
    assert torch.equal(calibrate(*arguments), torch.tensor(expected))
    assert calibrate(embedding.half(), *arguments[1:]).dtype == torch.float16


def test_calibrate_gradcheck():
    labels, is_thing = torch.tensor([1, 2, 0, 255, 1]), torch.tensor([True, True, False])
    inputs = (random_double(5, 2).requires_grad_(), random_double(3, 2, seed=1).requires_grad_())
    assert gradcheck(lambda s, q: calibrate(s, labels, q, is_thing), inputs)


def test_calibrate_keeps_the_layout_of_a_map():
    pixels, labels = torch.ones(1, 4, 6).mT, torch.zeros(1, 6)
    calibrated = calibrate(pixels, labels, torch.ones(1, 2, 4), torch.tensor([True, False]))
    assert calibrated.mT.is_contiguous()


def test_calibrate_leaves_the_callers_tensor_alone():
    embedding = torch.ones(3, 2)
    calibrate(embedding, torch.tensor([0, 0, 1]), torch.zeros(2, 2), torch.tensor([True, False]))
    assert (embedding == 1).all()
