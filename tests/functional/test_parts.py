"""``split_rows`` is ``split`` with another backward pass, and sums over parts are those of all."""

from itertools import groupby

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from einet.functional.parts import (
    _GradientBuffer,
    pixels,
    split_like,
    split_rows,
    sum_over_parts,
)

SHAPE = (2, 4, 3)  # rows of 2 x 3 values, two images


def split_in_rows(maps):
    return split_rows(maps, max_values=6)


def loss_of(bands):
    # Bands in other orders and layouts, one of them used twice.
    first = (bands[0] * torch.arange(3.0)).sum()
    return first + bands[2].mT.square().sum() + (bands[0] ** 3).sum()


def gradient_by(split, maps):
    loss_of(split(maps)).backward()
    gradient, maps.grad = maps.grad, None
    return gradient


def test_values_and_gradients_equal_those_of_split():
    maps = torch.randn(SHAPE, requires_grad=True)
    for band, expected in zip(split_in_rows(maps), maps.split(1, dim=1), strict=True):
        assert torch.equal(band, expected)
    expected = gradient_by(lambda maps: maps.split(1, dim=1), maps)
    torch.testing.assert_close(gradient_by(split_in_rows, maps), expected)
    assert (expected[:, [1, 3]] == 0).all()


def test_a_graph_can_be_used_twice():
    maps = torch.randn(SHAPE, requires_grad=True)
    loss = loss_of(split_in_rows(maps))
    (first,) = torch.autograd.grad(loss, maps, retain_graph=True)
    (second,) = torch.autograd.grad(loss, maps)
    assert torch.equal(first, second)
    assert first.data_ptr() != second.data_ptr()


def test_within_checkpoints_of_a_larger_graph():
    maps = torch.randn(SHAPE, requires_grad=True)
    features = 2 * maps
    bands = split_in_rows(features)
    losses = [checkpoint(torch.sin, band, use_reentrant=False).sum() for band in bands]
    (sum(losses) + features.sum()).backward()
    torch.testing.assert_close(maps.grad, 2 * (2 * maps).cos() + 2)


@pytest.mark.parametrize('requires_grad', [True, False])
def test_without_gradients_the_bands_are_plain_views(requires_grad):
    maps = torch.randn(SHAPE, requires_grad=requires_grad)
    with torch.no_grad():
        bands = split_in_rows(maps)
    assert [b.data_ptr() for b in bands] == [b.data_ptr() for b in maps.split(1, dim=1)]
    assert all(band.grad_fn is None for band in split_in_rows(maps.detach()))


def test_half_precision_gradients_keep_their_type():
    maps = torch.ones(1, 2, 3, dtype=torch.bfloat16, requires_grad=True)
    split_rows(maps, 3)[1].float().sum().backward()
    assert maps.grad.dtype == torch.bfloat16
    assert maps.grad.tolist() == [[[0.0] * 3, [1.0] * 3]]


@pytest.mark.parametrize(
    ('max_values', 'rows'), [(5, [1, 1, 1, 1]), (17, [2, 2]), (18, [3, 1]), (24, [4])]
)
def test_bands_have_as_many_rows_as_fit(max_values, rows):
    assert [band.shape[1] for band in split_rows(torch.zeros(SHAPE), max_values)] == rows


def test_pixels_and_the_maps_beside_them():
    embedding = torch.arange(2 * 2 * 3 * 2).view(2, 2, 3, 2)  # 12 b + 6 d + 2 y + x
    bands = split_rows(embedding, max_values=16)
    first, second = pixels(bands)
    assert first[1].tolist() == [[12, 18], [13, 19], [14, 20], [15, 21]]
    assert second[0].tolist() == [[4, 10], [5, 11]]
    top, bottom = split_like(embedding[:, 0], bands)
    assert (top[1].tolist(), bottom[1].tolist()) == ([[12, 13], [14, 15]], [[16, 17]])


def test_a_sum_over_parts_has_the_value_and_gradient_of_the_whole():
    def sums(values, ids, power):
        powers = values**power
        return powers.sum(), torch.zeros(3).index_add(0, ids, powers)

    values = torch.tensor([1.0, 2.0, 3.0, -1.0, 0.5], requires_grad=True)
    ids = torch.tensor([2, 0, 2, 2, 0])
    results = []
    for parts in ((values, ids), (values.split(2), ids.split(2))):
        total, by_id = sum_over_parts(sums, parts, 3)
        (gradient,) = torch.autograd.grad(total + by_id @ torch.tensor([5.0, 7.0, 11.0]), values)
        results.append((total, by_id, gradient))
    torch.testing.assert_close(*results)
    assert results[1][1].tolist() == [8.125, 0, 27]


def test_the_gradient_of_a_band_is_in_place_before_that_of_the_next_is_computed(monkeypatch):
    order = []
    add = _GradientBuffer.add

    def recorded_add(self, index, gradient):
        order.append(f'placed {index}')
        add(self, index, gradient)

    def sums(band, number):
        if band.requires_grad:
            band.register_hook(lambda _: order.append(f'known {number.item()}'))
        return (band.square().sum(),)

    monkeypatch.setattr(_GradientBuffer, 'add', recorded_add)
    embedding = torch.ones(2, 2, 3, 2, requires_grad=True)
    bands = split_rows(embedding, max_values=8)
    numbers = torch.arange(3).unbind()
    used_twice = [sum_over_parts(sums, (pixels(bands), numbers))[0] for _ in range(2)]
    (used_twice[0] + 2 * used_twice[1]).backward()
    once = [f'{event} {index}' for index in (2, 1, 0) for event in ('known', 'placed')]
    assert [event for event, _ in groupby(order)] == 2 * once  # The recomputation adds hooks.
    torch.testing.assert_close(embedding.grad, 6 * torch.ones_like(embedding))
