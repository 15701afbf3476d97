"""Segment means and geometry against values worked out by hand and loops."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import gradcheck

from einet.functional.segments import (
    centers_of_mass,
    sample_at_points,
    segment_means,
)

EMBEDDINGS = [[1.0, 2.0], [3.0, -4.0], [5.0, 6.0], [7.0, 8.0]]
WEIGHTS = [0.5, 0.25, 0.1, 0.9]
IDS = [1, 1, -1, 0]


def random_case(seed: int, num_pixels: int = 40, num_segments: int = 5) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    embeddings = torch.randn(num_pixels, 3, generator=generator, dtype=torch.float64)
    weights = torch.rand(num_pixels, generator=generator, dtype=torch.float64)
    ids = torch.randint(-1, num_segments, (num_pixels,), generator=generator)
    return embeddings, weights, ids


def test_means_are_weighted_and_pixels_of_no_segment_are_left_out():
    means, masses = segment_means(
        torch.tensor(EMBEDDINGS), torch.tensor(WEIGHTS), torch.tensor(IDS), num_segments=3
    )
    # Segment 1: (0.5 * (1, 2) + 0.25 * (3, -4)) / 0.75.
    torch.testing.assert_close(means, torch.tensor([[7.0, 8.0], [1.25 / 0.75, 0.0], [0.0, 0.0]]))
    torch.testing.assert_close(masses, torch.tensor([0.9, 0.75, 0.0]))


def test_sum_is_the_numerator_alone():
    sums, masses = segment_means(
        torch.tensor(EMBEDDINGS), torch.tensor(WEIGHTS), torch.tensor(IDS), 3, reduction='sum'
    )
    torch.testing.assert_close(sums, torch.tensor([[6.3, 7.2], [1.25, 0.0], [0.0, 0.0]]))
    torch.testing.assert_close(masses, torch.tensor([0.9, 0.75, 0.0]))


@pytest.mark.parametrize('seed', range(3))
def test_means_equal_a_loop_over_masks(seed):
    embeddings, weights, ids = random_case(seed)
    means, masses = segment_means(embeddings, weights, ids, num_segments=6)
    for segment in range(6):
        inside = ids == segment
        mass = weights[inside].sum()
        expected = (weights[inside, None] * embeddings[inside]).sum(0)
        torch.testing.assert_close(masses[segment], mass)
        torch.testing.assert_close(means[segment], expected / mass if mass > 0 else expected)


@given(st.permutations(range(5)), st.floats(0.01, 100), st.integers(0, 1000))
def test_means_follow_renumbering_and_ignore_pixel_order_and_weight_scale(order, scale, seed):
    embeddings, weights, ids = random_case(seed)
    means, _ = segment_means(embeddings, weights, ids, num_segments=5)
    renumbering = torch.tensor([*order, -1])  # The last entry maps -1 to itself.
    shuffle = torch.randperm(len(ids), generator=torch.Generator().manual_seed(seed))
    renumbered, _ = segment_means(
        embeddings[shuffle], scale * weights[shuffle], renumbering[ids][shuffle], num_segments=5
    )
    torch.testing.assert_close(renumbered[list(order)], means)


@pytest.mark.parametrize('reduction', ['mean', 'sum'])
def test_means_gradcheck(reduction):
    embeddings, weights, ids = random_case(0, num_pixels=7, num_segments=3)
    assert gradcheck(
        lambda e, w: segment_means(e, w, ids, 4, reduction),
        (embeddings.requires_grad_(), weights.requires_grad_()),
    )


def test_means_of_nothing_have_a_graph():
    embeddings = torch.zeros(0, 3, requires_grad=True)
    means, masses = segment_means(embeddings, torch.zeros(0), torch.zeros(0).long(), 2)
    means.sum().backward()
    assert means.tolist() == [[0.0] * 3] * 2
    assert masses.tolist() == [0.0, 0.0]
    means, _ = segment_means(torch.ones(4, 3), torch.ones(4), torch.full((4,), -1), 0)
    assert means.shape == (0, 3)


def test_means_of_half_precision_are_summed_in_float32():
    # 1 + 4096 ones: in float16 the running sum would stick at 2048.
    means, masses = segment_means(
        torch.ones(4097, 2, dtype=torch.float16),
        torch.ones(4097, dtype=torch.float16),
        torch.zeros(4097, dtype=torch.long),
        num_segments=1,
    )
    assert means.dtype == masses.dtype == torch.float32
    assert masses.tolist() == [4097.0]
    assert means.tolist() == [[1.0, 1.0]]


def test_vanishing_attention_keeps_gradients_finite():
    embeddings = torch.full((2, 3), 1e4, requires_grad=True)
    weights = torch.tensor([1e-38, 0.0], requires_grad=True)
    means, _ = segment_means(embeddings, weights, torch.tensor([0, 1]), num_segments=2)
    means.sum().backward()
    assert embeddings.grad.isfinite().all()
    assert weights.grad.isfinite().all()


def test_points_are_xy():
    embedding = torch.arange(2 * 3 * 4.0).view(2, 3, 4)  # Value 12 d + 4 y + x.
    sampled = sample_at_points(embedding, torch.tensor([[3, 1], [0, 2]]))
    assert sampled.tolist() == [[7.0, 19.0], [8.0, 20.0]]
    assert sample_at_points(embedding, torch.zeros(0, 2)).shape == (0, 2)


def test_a_point_outside_the_map_is_an_error():
    with pytest.raises(IndexError):
        sample_at_points(torch.zeros(2, 3, 4), torch.tensor([[4, 0]]))


def test_points_gradcheck_with_a_point_twice():
    embedding = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    points = torch.tensor([[3, 1], [0, 2], [3, 1]])
    assert gradcheck(lambda e: sample_at_points(e, points).square(), (embedding,))


def test_centers_of_mass_by_hand():
    ids = torch.tensor([[0, 0, 0, -1], [0, -1, -1, 2], [0, -1, -1, -1]])
    centers = centers_of_mass(ids, num_segments=4)
    # The first, an angle, has it outside; segments 1 and 3 have no pixels.
    assert centers.tolist() == [[3 / 5, 3 / 5], [0, 0], [3, 1], [0, 0]]
    assert centers_of_mass(torch.full((2, 2), -1), 0).shape == (0, 2)


def test_the_center_of_mass_of_a_large_map_is_exact():
    # The sum of x is above 2^32: float32 sums would be off by many pixels.
    ids = torch.zeros(1024, 4097, dtype=torch.uint8)
    assert centers_of_mass(ids, 1).tolist() == [[2048, 511.5]]
