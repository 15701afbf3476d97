"""Which types reach a function in full precision."""

import pytest
import torch

from einet.functional.precision import full_precision


@full_precision
def product(a, b, name='product'):
    """A product."""
    return a @ b, name


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32])
def test_half_precision_is_widened_by_position_and_by_name(dtype):
    a, b = torch.ones(2, 2, dtype=dtype), torch.ones(2, 2)
    for value, name in (product(a, b), product(a=a, b=b)):
        assert value.dtype == torch.float32
        assert name == 'product'


def test_float64_stays():
    assert product(*torch.ones(2, 2, 2, dtype=torch.float64).unbind())[0].dtype == torch.float64


def test_autocast_is_off_inside_and_on_again_after():
    a = torch.tensor([[1 + 2**-12]])  # bfloat16 would round it to 1.
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert product(a, torch.ones(1, 1))[0].item() == a.item()
        assert (a @ a).dtype == torch.bfloat16


def test_the_wrapper_keeps_the_functions_name_and_text():
    assert product.__name__ == 'product'
    assert product.__doc__ == 'A product.'


def test_a_call_without_tensors():
    @full_precision
    def twice(value):
        return 2 * value

    assert twice(3) == twice(value=3) == 6
