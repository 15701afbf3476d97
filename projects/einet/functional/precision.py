"""Float32 arithmetic for functions that must not run in half precision."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

import torch
from torch import Tensor

Params = ParamSpec('Params')
Result = TypeVar('Result')


def full_precision(function: Callable[Params, Result]) -> Callable[Params, Result]:
    """Run ``function`` in float32 at least, also under autocast.

    Half-precision tensor arguments are cast to float32; float32, float64 and integer tensors
    pass unchanged. Autocast is off inside, because it would run the matrix products of float32
    arguments in half precision: distances between close embeddings vanish in its rounding.

    Args:
        function: A function of tensors. Tensors inside lists or other containers are not cast.

    Returns:
        The wrapped function, with the same signature.

    Example:
        >>> @full_precision
        ... def distance(a: Tensor, b: Tensor) -> Tensor:
        ...     return (a - b).abs().sum()
        >>> distance(torch.ones(3).half(), torch.zeros(3).half()).dtype
        torch.float32
    """

    @wraps(function)
    def wrapper(*args: Params.args, **kwargs: Params.kwargs) -> Result:
        device_type = next(
            (a.device.type for a in (*args, *kwargs.values()) if isinstance(a, Tensor)), 'cpu'
        )
        wide_args = cast(Any, tuple(map(_widen, args)))
        wide_kwargs = cast(Any, {name: _widen(value) for name, value in kwargs.items()})
        with torch.autocast(device_type, enabled=False):
            return function(*wide_args, **wide_kwargs)

    return wrapper


def _widen(value: object) -> object:
    if isinstance(value, Tensor) and value.dtype in (torch.float16, torch.bfloat16):
        return value.float()
    return value
