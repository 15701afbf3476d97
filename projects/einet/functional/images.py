"""A batch taken apart into images, with one gradient buffer for all of them."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def split_images(batch: Tensor) -> tuple[Tensor, ...]:
    """Images of a batch, as ``unbind(0)`` gives them.

    The backward pass of ``unbind`` holds the gradients of all images and their stack at once.
    Here each image's gradient moves into its place in the stack as soon as it is complete, which
    halves the peak: with D channels a gradient is as large as the embeddings of the batch.

    Args:
        batch: (B, ...) tensor.

    Returns:
        B tensors (...), views of the batch. Their gradients are not differentiable again.

    Example:
        >>> batch = torch.ones(2, 3, requires_grad=True)
        >>> first, second = split_images(batch)
        >>> (2 * first.sum() + second[0]).backward()
        >>> batch.grad
        tensor([[2., 2., 2.],
                [1., 0., 0.]])
    """
    if not (batch.requires_grad and torch.is_grad_enabled()):
        return batch.unbind(0)
    stack = _GradientStack(len(batch))
    images: tuple[Tensor, ...] = _Split.apply(batch, stack)  # type: ignore[no-untyped-call]
    return tuple(
        _Image.apply(image, stack, index)  # type: ignore[no-untyped-call]
        for index, image in enumerate(images)
    )


class _GradientStack:
    """Gradient of a batch while it grows."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.values: Tensor | None = None

    def slot(self, index: int, gradient: Tensor) -> Tensor:
        """Place of one image's gradient."""
        if self.values is None:
            self.values = gradient.new_empty(self.size, *gradient.shape)
        return self.values[index]

    def take(self, gradients: tuple[Tensor | None, ...]) -> Tensor | None:
        """The complete stack; images that nothing depends on get zeros."""
        values, self.values = self.values, None
        if values is not None:
            for index, gradient in enumerate(gradients):
                if gradient is None:
                    values[index].zero_()
        return values


class _Split(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, batch: Tensor, stack: _GradientStack) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        ctx.stack = stack
        return batch.unbind(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, None]:
        return ctx.stack.take(gradients), None


class _Image(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, image: Tensor, stack: _GradientStack, index: int) -> Tensor:
        ctx.stack, ctx.index = stack, index
        return image.view_as(image)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return ctx.stack.slot(ctx.index, gradient).copy_(gradient), None, None
