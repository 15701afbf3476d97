import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from einet.models import SemanticCenters


def _centers(momentum=0.9, **kwargs):
    return SemanticCenters(
        num_classes=3, num_things_classes=2, embed_dims=2, momentum=momentum, **kwargs
    )


def test_first_sight_takes_the_value_and_later_steps_decay():
    centers = _centers(momentum=0.75)
    centers.stage(torch.tensor([[2.0, 4.0], [0, 0], [0, 0]]), torch.tensor([2.0, 0, 0]))
    moved = centers.commit()
    assert centers.centers.tolist() == [[1, 2], [0, 0], [0, 0]]
    assert centers.seen.tolist() == [True, False, False]
    assert moved.item() == pytest.approx(5**0.5)

    centers.stage(torch.tensor([[3.0, 0.0], [0, 0], [1.0, 5.0]]), torch.tensor([1.0, 0, 0.5]))
    moved = centers.commit()
    expected = torch.tensor([[0.75 * 1 + 0.25 * 3, 0.75 * 2], [0, 0], [2.0, 10.0]])
    torch.testing.assert_close(centers.centers, expected)
    lengths = torch.tensor([[0.5, -0.5], [2.0, 10.0]]).norm(dim=1)
    assert moved.item() == pytest.approx(lengths.mean().item())


def test_a_category_that_overflowed_keeps_its_center():
    centers = _centers(momentum=0.5)
    centers.stage(torch.tensor([[2.0, 4.0], [6.0, 0.0], [0, 0]]), torch.tensor([2.0, 1.0, 0]))
    centers.commit()
    numerator = torch.tensor([[float('inf'), 1.0], [2.0, 2.0], [float('nan'), 0]])
    centers.stage(numerator, torch.tensor([1.0, 1.0, 1.0]))
    moved = centers.commit()
    assert centers.centers.tolist() == [[1, 2], [4, 1], [0, 0]]
    assert centers.seen.tolist() == [True, True, False]
    assert moved.item() == pytest.approx(5**0.5)


def test_printed_update_grows_with_the_number_of_instances():
    centers = _centers(momentum=0.5, normalize=False)
    centers.centers[0] = torch.tensor([1.0, 1.0])
    centers.seen[0] = True
    centers.stage(torch.tensor([[6.0, 2.0], [0, 0], [0, 0]]), torch.tensor([4.0, 0, 0]))
    centers.commit()
    assert centers.centers[0].tolist() == [3.5, 1.5]


def test_unhandled_step_is_an_error_that_names_the_hook():
    centers = _centers()
    sums = torch.zeros(3, 2), torch.zeros(3)
    centers.stage(*sums)
    with pytest.raises(RuntimeError, match='SemanticCentersHook'):
        centers.stage(*sums)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=4), st.integers(0, 1000))
def test_accumulated_batches_equal_one_large_batch(splits, seed):
    generator = torch.Generator().manual_seed(seed)
    numerators = torch.randn(sum(splits) + 1, 3, 2, generator=generator)
    denominators = torch.rand(sum(splits) + 1, 3, generator=generator)
    whole, parts = _centers(), _centers()
    whole.stage(numerators.sum(0), denominators.sum(0))
    whole.commit()
    for chunk in torch.split(torch.arange(len(numerators)), [*splits, 1]):
        parts.keep_staged()
        parts.stage(numerators[chunk].sum(0), denominators[chunk].sum(0))
    parts.commit()
    torch.testing.assert_close(whole.centers, parts.centers)
    assert torch.equal(whole.seen, parts.seen)


def test_staged_sums_are_no_part_of_a_checkpoint():
    centers = _centers()
    centers.stage(torch.ones(3, 2), torch.tensor([1.0, 2.0, 0.0]))
    state = centers.state_dict()
    assert set(state) == {'centers', 'seen'}
    older = dict(state, staged_numerator=torch.ones(3, 2), staged_denominator=torch.ones(3))
    for each in (state, older):
        restored = _centers()
        restored.load_state_dict(each)
        assert restored.staged_numerator.abs().sum() == 0
        assert restored.staged_denominator.sum() == 0


def test_an_average_follows_what_has_been_seen():
    average, centers = _centers(), _centers()
    average.centers[:] = torch.tensor([[4.0, 0.0], [0.5, 0.5], [0.0, 0.0]])
    average.seen[:] = torch.tensor([True, False, False])
    centers.centers[:] = torch.tensor([[8.0, 2.0], [5.0, -5.0], [0.0, 0.0]])
    centers.seen[:] = torch.tensor([True, True, False])
    average.follow(centers)
    assert average.centers.tolist() == [[4.0, 0.0], [5.0, -5.0], [0.0, 0.0]]
    assert average.seen.tolist() == [True, True, False]


def test_update_is_differentiable_and_leaves_the_stored_centers():
    centers = _centers()
    numerator = torch.ones(3, 2, requires_grad=True)
    value = centers.updated(numerator, torch.tensor([4.0, 0.0, 1.0]))
    value.sum().backward()
    assert numerator.grad.tolist() == [[0.25, 0.25], [0, 0], [1, 1]]
    assert centers.centers.abs().sum() == 0


def test_cosines_between_seen_centers():
    centers = _centers()
    centers.centers.copy_(torch.tensor([[2.0, 0.0], [3.0, 4.0], [-3.0, 3.0]]))
    assert centers.cosines().tolist() == [[-1.0] * 3] * 3
    centers.seen[:] = torch.tensor([True, True, False])
    expected = torch.tensor([[-1.0, 0.6, -1.0], [0.6, -1.0, -1.0], [-1.0, -1.0, -1.0]])
    torch.testing.assert_close(centers.cosines(), expected)
    centers.seen[2] = True
    root = 2**-0.5
    expected[2, :2] = expected[:2, 2] = torch.tensor([-root, root / 5])
    torch.testing.assert_close(centers.cosines(), expected)


def test_momentum_outside_its_range():
    with pytest.raises(ValueError, match='momentum'):
        _centers(momentum=1.5)
