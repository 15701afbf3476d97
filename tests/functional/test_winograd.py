import pytest
import torch
import torch.nn.functional as F

from einet.functional import winograd
from einet.functional.winograd import winograd_conv2d, winograd_weight


def _drawn(*shape, dtype=torch.float64, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize('chunk', [winograd._CHUNK, 1])
@pytest.mark.parametrize('dilation', [1, 2, 3])
@pytest.mark.parametrize('kernel_size', [3, 5])
@pytest.mark.parametrize('size', [(17, 6), (1, 1), (8, 13)])
def test_it_is_torchs_convolution(size, kernel_size, dilation, chunk, monkeypatch):
    # A chunk of 1 value gives every row of tiles its own products.
    monkeypatch.setattr(winograd, '_CHUNK', chunk)
    x, kernel = _drawn(2, 3, *size), _drawn(4, 3, kernel_size, kernel_size, seed=1)
    bias = _drawn(4, seed=2)
    margin = kernel_size // 2 * dilation
    expected = F.conv2d(x, kernel, bias, padding=margin, dilation=dilation)
    ours = winograd_conv2d(x, winograd_weight(kernel), bias, kernel_size, dilation)
    torch.testing.assert_close(ours, expected, rtol=1e-10, atol=1e-10)
    without = winograd_conv2d(x, winograd_weight(kernel), None, kernel_size, dilation)
    torch.testing.assert_close(without, expected - bias[:, None, None], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last])
def test_rounding_is_small_in_float32(layout):
    x, kernel = _drawn(1, 96, 20, 20).relu(), _drawn(32, 96, 5, 5, seed=1) / 50
    expected = F.conv2d(x, kernel, padding=2)
    x = x.float().contiguous(memory_format=layout)
    ours = winograd_conv2d(x, winograd_weight(kernel.float()), None, 5)
    assert ours.dtype == torch.float32
    assert ours.is_contiguous(memory_format=torch.channels_last)
    assert (ours - expected).abs().max() < 2e-5 * expected.abs().max()


def test_autocast_does_not_make_it_coarse():
    x, kernel = _drawn(1, 8, 9, 9, dtype=torch.float32), _drawn(4, 8, 3, 3, dtype=torch.float32)
    plain = winograd_conv2d(x, winograd_weight(kernel), None, 3)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert winograd_conv2d(x, winograd_weight(kernel), None, 3).equal(plain)
