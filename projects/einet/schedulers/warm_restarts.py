"""Cosine annealing with warm restarts, given as in the paper: T_0 and T_mult."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

from mmengine.optim.scheduler import CosineRestartLR
from mmengine.registry import PARAM_SCHEDULERS

# A schedule whose end nobody gave still needs a finite list of periods.
_MAX_STEPS = 10**9


@PARAM_SCHEDULERS.register_module()
class CosineWarmRestartsLR(CosineRestartLR):
    """:class:`mmengine.optim.scheduler.CosineRestartLR` with as many periods as the training needs.

    Period i lasts ``unit * t_0 * t_mult ** i`` steps and starts again at the full rate. mmengine
    asks for a list of periods and keeps the rate where it is after the last one; here the list
    reaches the end of the training, whatever its length.

    Args:
        optimizer: Optimizer or optimizer wrapper.
        t_0: T_0, length of the first period in units; positive.
        t_mult: T_mult, factor from one period to the next; at least 1.
        unit: Steps per unit. The paper does not name the unit of its T_0: iterations per epoch
            reads it as epochs, 1 as iterations.
        eta_min: Rate at the end of a period.
        begin: First step.
        end: Step after the last one; the Runner gives the length of the training.
        whole_periods: Lengthen or shorten the unit so that the training ends with a period. A
            training that ends in the middle of one, or right after a restart, leaves weights of
            a rate that is still high.
        **kwargs: ``last_step``, ``by_epoch`` and ``verbose``, see the parent.

    Raises:
        ValueError: ``t_0``, ``t_mult`` or ``unit`` is too small.
    """

    def __init__(
        self,
        optimizer: Any,
        t_0: int,
        t_mult: int = 2,
        unit: int = 1,
        eta_min: float = 0.0,
        begin: int = 0,
        end: int = _MAX_STEPS,
        whole_periods: bool = False,
        **kwargs: Any,
    ) -> None:
        periods = warm_restart_periods(t_0 * unit, t_mult, end - begin)
        if whole_periods:
            periods = fit_periods(periods, end - begin)
        super().__init__(
            optimizer,
            periods=periods,
            restart_weights=[1.0] * len(periods),
            eta_min=eta_min,
            begin=begin,
            end=end,
            **kwargs,
        )

    @classmethod
    def build_iter_from_epoch(
        cls,
        *args: Any,
        epoch_length: int,
        unit: int = 1,
        begin: int = 0,
        end: int = _MAX_STEPS,
        **kwargs: Any,
    ) -> 'CosineWarmRestartsLR':
        """Count iterations where the config counts epochs (``convert_to_iter_based=True``).

        Args:
            *args: As for the class.
            epoch_length: Iterations of an epoch; the Runner gives it.
            unit: Epochs per unit.
            begin: First epoch.
            end: Epoch after the last one.
            **kwargs: As for the class.
        """
        kwargs['by_epoch'] = False
        return cls(
            *args,
            unit=unit * epoch_length,
            begin=begin * epoch_length,
            end=end if end == _MAX_STEPS else end * epoch_length,
            **kwargs,
        )


def warm_restart_periods(first: int, factor: int, total: int) -> list[int]:
    """Lengths of the periods until ``total`` steps are covered.

    Args:
        first: Length of the first period, positive.
        factor: Growth from one period to the next, at least 1.
        total: Steps to cover.

    Returns:
        At least one period; the last one may reach beyond ``total``.

    Raises:
        ValueError: ``first`` or ``factor`` is below 1.
    """
    if first < 1 or factor < 1:
        raise ValueError(
            f'CosineWarmRestartsLR: t_0 * unit and t_mult must be at least 1, got {first} and '
            f'{factor}'
        )
    periods = [first]
    while sum(periods) < total:
        periods.append(periods[-1] * factor)
    return periods


def fit_periods(periods: Sequence[int], total: int) -> list[int]:
    """Stretch or shrink the first periods, so that they end with the training.

    Of all numbers of periods it is the one that changes their lengths least, as a factor.

    Args:
        periods: Lengths, which reach ``total``.
        total: Steps to cover, positive.

    Returns:
        Lengths with the sum ``total``.

    Example:
        >>> fit_periods([5, 10, 20], total=16)
        [5, 11]
        >>> fit_periods([5, 10, 20], total=30)
        [4, 9, 17]
    """
    ends = list(accumulate(periods))
    last = min(ends, key=lambda end: max(end / total, total / end))
    fitted = [round(end * total / last) for end in ends[: ends.index(last) + 1]]
    return [end - start for start, end in pairwise([0, *fitted])]
