"""``split_images`` is ``unbind`` with another backward pass."""

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from einet.functional.images import split_images


def loss_of(images):
    # Images in other orders and layouts, one of them used twice.
    first = (images[0] * torch.arange(3.0)).sum()
    return first + images[2].t().square().sum() + (images[0] ** 3).sum()


def gradient_by(split, batch):
    loss_of(split(batch)).backward()
    gradient, batch.grad = batch.grad, None
    return gradient


def test_values_and_gradients_equal_those_of_unbind():
    batch = torch.randn(4, 2, 3, requires_grad=True)
    for image, expected in zip(split_images(batch), batch, strict=True):
        assert torch.equal(image, expected)
    expected = gradient_by(torch.unbind, batch)
    torch.testing.assert_close(gradient_by(split_images, batch), expected)
    assert (expected[1] == 0).all()
    assert (expected[3] == 0).all()


def test_a_graph_can_be_used_twice():
    batch = torch.randn(3, 2, 3, requires_grad=True)
    loss = loss_of(split_images(batch))
    (first,) = torch.autograd.grad(loss, batch, retain_graph=True)
    (second,) = torch.autograd.grad(loss, batch)
    assert torch.equal(first, second)
    assert first.data_ptr() != second.data_ptr()


def test_within_checkpoints_of_a_larger_graph():
    batch = torch.randn(3, 2, 3, requires_grad=True)
    features = 2 * batch
    images = split_images(features)
    losses = [checkpoint(torch.sin, image, use_reentrant=False).sum() for image in images]
    (sum(losses) + features.sum()).backward()
    torch.testing.assert_close(batch.grad, 2 * (2 * batch).cos() + 2)


@pytest.mark.parametrize('requires_grad', [True, False])
def test_without_gradients_the_images_are_plain_views(requires_grad):
    batch = torch.randn(3, 2, requires_grad=requires_grad)
    with torch.no_grad():
        images = split_images(batch)
    assert [image.data_ptr() for image in images] == [row.data_ptr() for row in batch]
    assert all(image.grad_fn is None for image in split_images(batch.detach()))


def test_half_precision_gradients_keep_their_type():
    batch = torch.ones(2, 3, dtype=torch.bfloat16, requires_grad=True)
    split_images(batch)[1].float().sum().backward()
    assert batch.grad.dtype == torch.bfloat16
    assert batch.grad.tolist() == [[0.0] * 3, [1.0] * 3]
