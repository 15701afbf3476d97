"""Questions to a device: answered one by one or together, and what a device's host waits for."""

import pytest
import torch

from einet.functional.steps import (
    count_by,
    finish,
    in_steps,
    select,
    selected,
    side_by_side,
    to_host,
)

from ..pretend_device import DEVICE, PretendDevice


def digits(*values):
    """Ask for a number at a time, and write them behind each other."""
    text = ''
    for value in values:
        first, second = yield torch.tensor([value, value + 1])
        text += f'{first}{second}'
    return text


def test_every_step_is_sent_its_answer():
    steps = digits(3, 6)
    assert next(steps).tolist() == [3, 4]
    assert steps.send([8, 9]).tolist() == [6, 7]
    with pytest.raises(StopIteration) as end:
        steps.send([1, 2])
    assert end.value.value == '8912'
    assert finish(digits(3, 6)) == '3467'
    assert finish(digits()) == ''


def test_a_function_in_steps_can_be_called():
    function = in_steps(digits)
    assert function(3, 6) == '3467'
    assert function.steps(3, 6).send(None).tolist() == [3, 4]
    assert (function.__name__, function.__doc__) == (digits.__name__, digits.__doc__)


def test_questions_of_several_are_asked_together():
    both = side_by_side(digits(3), side_by_side(digits(5, 7), digits()))
    assert next(both).tolist() == [3, 4, 5, 6]
    assert both.send([1, 2, 8, 9]).tolist() == [7, 8]
    with pytest.raises(StopIteration) as end:
        both.send([0, 6])
    assert end.value.value == ('12', ('8906', ''))
    assert finish(side_by_side(digits(), digits())) == ('', '')


def test_an_error_of_one_ends_both():
    def refuse():
        yield torch.tensor([1])
        raise ValueError('not this')

    with pytest.raises(ValueError, match='not this'):
        finish(side_by_side(digits(3, 6), refuse()))


@pytest.mark.parametrize('place', ['cpu', DEVICE])
@pytest.mark.parametrize('share', [0.0, 0.3, 1.0])
def test_a_mask_selects_what_nonzero_says(place, share):
    mask = torch.rand(5, 7, generator=torch.Generator().manual_seed(0)) < share
    expected = mask.flatten().nonzero().squeeze(1)
    with PretendDevice() as device:
        there = mask.to(place)
        device.waits.clear()
        found = selected(there, len(expected))
        assert not device.waits
        chosen = finish(select(there))
        assert device.waits.total() == (place == DEVICE)
        assert found.cpu().equal(expected)
        assert chosen.cpu().equal(expected)


@pytest.mark.parametrize('place', ['cpu', DEVICE])
@pytest.mark.parametrize('dtype', [torch.uint8, torch.int32, torch.int64])
def test_counts_by_hand(place, dtype):
    index = torch.tensor([3, 0, 3, 1, 3], dtype=dtype)
    weights = torch.tensor([True, True, False, False, True])
    with PretendDevice() as device:
        index, weights = index.to(place), weights.to(place)
        device.waits.clear()
        counts = [count_by(index, 5), count_by(index, 5, weights), count_by(index[:0], 0)]
        assert not device.waits
        assert [values.tolist() for values in counts] == [[1, 1, 0, 3, 0], [1, 0, 0, 2, 0], []]


def test_tensors_of_a_device_are_copied_at_once():
    tensors = [
        torch.tensor([[1, 2, 255]], dtype=torch.uint8),
        torch.tensor([0.5, -3.0], dtype=torch.bfloat16),
        torch.tensor(7),
        torch.zeros(0, 2, dtype=torch.float64),
        torch.tensor([[1 << 30], [-5]], dtype=torch.int32),
    ]
    of_the_host = torch.tensor([3.0])
    with PretendDevice() as device:
        there = [tensor.to(DEVICE) for tensor in tensors]
        device.waits.clear()
        *copies, same = to_host([*there, of_the_host])
        assert device.waits == {'copy to the host': 1}
    assert same is of_the_host
    for copy, tensor in zip(copies, tensors, strict=True):
        assert copy.dtype == tensor.dtype
        assert copy.equal(tensor)
    assert to_host([]) == []
