"""Work in steps, between which the host asks a device for numbers.

The host has to know how many pixels a mask selects before it can go on, and waits until a GPU has
done all that it was asked for before. Work that needs such numbers is a generator: it yields what
it asks for, and is sent the numbers. Work that does not need each other's results goes
:func:`side_by_side`, and one wait answers both.

Shape shorthand:
    N: elements of a mask, or of an index
"""

from collections.abc import Callable, Generator, Sequence
from functools import wraps
from itertools import islice
from typing import Any, ParamSpec, Protocol, TypeVar, cast

import torch
from torch import Tensor

Params = ParamSpec('Params')
Result = TypeVar('Result')
First = TypeVar('First')
Second = TypeVar('Second')
Result_co = TypeVar('Result_co', covariant=True)

#: Yields questions, (n,) int64 of a device, is sent their n numbers, and returns its result.
Steps = Generator[Tensor, list[int], Result]


class InSteps(Protocol[Params, Result_co]):
    """A function that can be called, or taken in steps."""

    @property
    def steps(self) -> Callable[Params, Generator[Tensor, list[int], Result_co]]:
        """Gives the steps, to go beside others."""

    def __call__(self, *args: Params.args, **kwargs: Params.kwargs) -> Result_co:
        """Take all steps."""


def in_steps(function: Callable[Params, Steps[Result]]) -> InSteps[Params, Result]:
    """Make a generator of questions a function, which gives its result when it is called.

    Args:
        function: Makes the steps.

    Returns:
        A function with the same signature; ``.steps`` is ``function``.

    Example:
        >>> @in_steps
        ... def double_of_largest(values: Tensor) -> Steps[int]:
        ...     (largest,) = yield values.max()[None]
        ...     return 2 * largest
        >>> double_of_largest(torch.tensor([3, 7]))
        14
    """

    @wraps(function)
    def call(*args: Params.args, **kwargs: Params.kwargs) -> Result:
        return finish(function(*args, **kwargs))

    call.steps = function  # type: ignore[attr-defined]
    return cast(InSteps[Params, Result], call)


def finish(steps: Steps[Result]) -> Result:
    """Take all steps: the host waits for the answer to each question.

    Example:
        >>> finish(select(torch.tensor([False, True])))
        tensor([1])
    """
    try:
        question = next(steps)
        while True:
            question = steps.send(question.tolist())
    except StopIteration as end:
        return cast(Result, end.value)


def side_by_side(first: Steps[First], second: Steps[Second]) -> Steps[tuple[First, Second]]:
    """Take the steps of both together, so that one wait answers the questions of both.

    Example:
        >>> def tens(value: int) -> Steps[int]:
        ...     (number,) = yield torch.tensor([value])
        ...     return 10 * number
        >>> both = side_by_side(tens(3), tens(4))
        >>> next(both)
        tensor([3, 4])
        >>> finish(side_by_side(tens(3), tens(4)))
        (30, 40)
    """
    work: list[Steps[Any]] = [first, second]
    results: list[Any] = [None, None]
    answers: dict[int, Any] = {0: None, 1: None}  # a generator is started by sending it None
    while answers:
        questions = {}
        for place, answer in answers.items():
            try:
                questions[place] = work[place].send(answer)
            except StopIteration as end:
                results[place] = end.value
        numbers = iter((yield torch.cat(list(questions.values()))) if questions else ())
        answers = {place: list(islice(numbers, len(q))) for place, q in questions.items()}
    return results[0], results[1]


def select(mask: Tensor) -> Steps[Tensor]:
    """Where a mask of any shape is true: (N,) int64, rising flat indices.

    Example:
        >>> finish(select(torch.tensor([[True, False], [False, True]])))
        tensor([0, 3])
    """
    (count,) = yield mask.count_nonzero()[None]
    return selected(mask, count)


def selected(mask: Tensor, count: int) -> Tensor:
    """:func:`select` where the host knows already that ``count`` elements are true.

    Example:
        >>> selected(torch.tensor([[True, False], [False, True]]), count=2)
        tensor([0, 3])
    """
    flat = mask.flatten()
    if flat.device.type == 'cpu':  # a GPU would be waited for, the CPU is faster with it
        return flat.nonzero().squeeze(1)
    return torch.searchsorted(flat.cumsum(0), torch.arange(1, count + 1, device=flat.device))


def to_host(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Tensors in the host's memory, those of a device copied at once: it is waited for one time.

    Args:
        tensors: Of the host, or of one device.

    Returns:
        As many, those of the host themselves.

    Example:
        >>> to_host([torch.tensor([1, 2]), torch.tensor(0.5)])
        [tensor([1, 2]), tensor(0.5000)]
    """
    away = [tensor for tensor in tensors if tensor.device.type != 'cpu']
    if not away:
        return list(tensors)
    # Wide elements first, so that each tensor begins where its type may.
    away.sort(key=Tensor.element_size, reverse=True)
    parts = [tensor.flatten().view(torch.uint8) for tensor in away]
    copied = torch.split(torch.cat(parts).cpu(), [len(part) for part in parts])
    there = {
        id(tensor): part.view(tensor.dtype).view(tensor.shape)
        for tensor, part in zip(away, copied, strict=True)
    }
    return [there.get(id(tensor), tensor) for tensor in tensors]


def count_by(index: Tensor, size: int, weights: Tensor | None = None) -> Tensor:
    """How often each number appears: what ``bincount`` gives, for which a GPU is waited for.

    Args:
        index: (N,) integer in [0, size).
        size: How many numbers there are.
        weights: (N,) bool, those that count; all when None.

    Returns:
        (size,) int64.

    Example:
        >>> count_by(torch.tensor([2, 0, 2]), size=3)
        tensor([1, 0, 2])
        >>> count_by(torch.tensor([2, 0, 2]), 3, torch.tensor([True, True, False]))
        tensor([1, 0, 1])
    """
    counts = torch.zeros(size, dtype=torch.long, device=index.device)
    ones = counts.new_ones(()).expand(len(index)) if weights is None else weights.long()
    return counts.index_add_(0, index if index.dtype == torch.long else index.int(), ones)
