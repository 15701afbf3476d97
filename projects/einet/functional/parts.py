"""A batch's maps in bands of rows: what is summed over pixels needs the memory of one band.

Shape shorthand:
    B: images of a batch
    h, w: maps
    r: rows of one band
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

# Values of a band.
_CHUNK = 1 << 22

Parts = Tensor | Sequence[Tensor]


def split_rows(maps: Tensor, max_values: int = _CHUNK) -> Sequence[Tensor]:
    """Bands of rows, with one gradient buffer for all of them.

    The backward pass of ``split`` holds the gradients of all bands and their concatenation at
    once, and first those of each use of a band. Here a gradient is added in its place as soon as
    it is known: with D channels it is as large as the embeddings of the batch.

    Args:
        maps: (B, ..., h, w).
        max_values: Values that a band may have; one row is the least.

    Returns:
        Views (B, ..., r, w). Their gradients are not differentiable again.

    Example:
        >>> maps = torch.ones(1, 3, 2, requires_grad=True)
        >>> first, second = split_rows(maps, max_values=4)
        >>> (2 * first.sum() + second[0, 0, 0]).backward()
        >>> maps.grad
        tensor([[[2., 2.],
                 [2., 2.],
                 [1., 0.]]])
    """
    rows = max(max_values * maps.shape[-2] // max(maps.numel(), 1), 1)
    if rows >= maps.shape[-2]:
        return (maps,)
    if not (maps.requires_grad and torch.is_grad_enabled()):
        return torch.split(maps, rows, dim=-2)
    return _Bands(maps, rows)


def split_like(maps: Tensor, bands: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The rows of (..., h, w) maps that belong to each of some bands.

    Example:
        >>> bands = split_rows(torch.zeros(3, 2), max_values=4)
        >>> split_like(torch.tensor([[1, 2], [3, 4], [5, 6]]), bands)
        (tensor([[1, 2],
                [3, 4]]), tensor([[5, 6]]))
    """
    return torch.split(maps, [band.shape[-2] for band in bands], dim=-2)


def pixels(bands: Sequence[Tensor]) -> Sequence[Tensor]:
    """Bands (B, D, r, w) as views (B, r w, D): the embeddings of their pixels.

    Example:
        >>> first, second = pixels([torch.tensor([[[[1, 2]]]]), torch.tensor([[[[3, 4]]]])])
        >>> second
        tensor([[[3],
                 [4]]])
    """
    return _Pixels(bands)


def sum_over_parts(
    function: Callable[..., tuple[Tensor, ...]], parts: Sequence[Parts], *others: Any
) -> tuple[Tensor, ...]:
    """Sums of what a function gives for each part.

    Of several parts, what the backward pass needs is computed again, part by part.

    Args:
        function: Called with one part of each, and the other arguments.
        parts: Tensors, or sequences of as many parts each.
        *others: Other arguments, the same for all parts.

    Returns:
        As many sums as the function gives tensors.

    Example:
        >>> parts = (torch.tensor([1.0, 2.0]), torch.tensor([3.0]))
        >>> sum_over_parts(lambda part, power: (part.pow(power).sum(),), (parts,), 2)
        (tensor(14.),)
    """
    columns = [(part,) if isinstance(part, Tensor) else part for part in parts]
    if len(columns[0]) == 1:
        return function(*(part for (part,) in columns), *others)
    values = [
        checkpoint(function, *part, *others, use_reentrant=False, preserve_rng_state=False)
        for part in zip(*columns, strict=True)
    ]
    return tuple(torch.stack(summands).sum(0) for summands in zip(*values, strict=True))


class _Pixels(Sequence[Tensor]):
    """Views of bands, each made when it is taken.

    Autograd goes back through nodes in the reverse order of their making. So the gradient of a
    band goes to its place before that of the next is computed, if what uses it is made before the
    next is taken.
    """

    def __init__(self, bands: Sequence[Tensor]) -> None:
        self.bands = bands

    def __len__(self) -> int:
        return len(self.bands)

    def __getitem__(self, index: int) -> Tensor:  # type: ignore[override]
        return self.bands[index].flatten(-2).mT


class _GradientBuffer:
    """Gradient of maps while it grows."""

    def __init__(self, shape: torch.Size, rows: int) -> None:
        self.shape = shape
        self.rows = rows
        self.values: Tensor | None = None
        self.filled: set[int] = set()

    def add(self, index: int, gradient: Tensor) -> None:
        """Add to the gradient of one band."""
        if self.values is None:
            self.values = gradient.new_empty(self.shape)
        place = self._bands(self.values)[index]
        if index in self.filled:
            place += gradient
        else:
            place.copy_(gradient)
            self.filled.add(index)

    def take(self) -> Tensor | None:
        """The complete gradient; bands that nothing depends on get zeros."""
        values, filled = self.values, self.filled
        self.values, self.filled = None, set()
        if values is not None:
            for index, place in enumerate(self._bands(values)):
                if index not in filled:
                    place.zero_()
        return values

    def _bands(self, values: Tensor) -> tuple[Tensor, ...]:
        return torch.split(values, self.rows, dim=-2)


class _Bands(Sequence[Tensor]):
    """Bands of maps; each time that one is taken is a use with a gradient of its own."""

    def __init__(self, maps: Tensor, rows: int) -> None:
        self.buffer = _GradientBuffer(maps.shape, rows)
        self.views: tuple[Tensor, ...] = _Split.apply(  # type: ignore[no-untyped-call]
            maps, self.buffer
        )

    def __len__(self) -> int:
        return len(self.views)

    def __getitem__(self, index: int) -> Tensor:  # type: ignore[override]
        return _Band.apply(  # type: ignore[no-untyped-call, no-any-return]
            self.views[index], self.buffer, index
        )


class _Split(torch.autograd.Function):
    """Runs backward when all uses of all bands have, which leave their gradients in the buffer."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, buffer: _GradientBuffer) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        ctx.buffer = buffer
        return torch.split(maps, buffer.rows, dim=-2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: None) -> tuple[Tensor | None, None]:
        return ctx.buffer.take(), None


class _Band(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, band: Tensor, buffer: _GradientBuffer, index: int) -> Tensor:
        ctx.buffer, ctx.index = buffer, index
        return band.view_as(band)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None, None]:
        ctx.buffer.add(ctx.index, gradient)
        return None, None, None
