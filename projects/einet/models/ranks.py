"""What several ranks divide their losses by, so that their mean is the loss of one large batch."""

from mmengine import dist
from torch import Tensor

from ..functional.task_losses import nonzero


def mean_over_ranks(total: Tensor) -> Tensor:
    """The mean of a number of all ranks, at least as 1 where it is 0.

    Gradients are averaged over ranks. A rank's sum over its pixels, divided by the mean number of
    pixels, then weighs every pixel of the step alike, and not every rank. All ranks have to call
    this, also those that have nothing to sum.

    Args:
        total: This rank's number of pixels, peaks or images.

    Returns:
        The mean, float32, without a gradient; 1 in place of 0.
    """
    total = total.detach().float().clone()
    dist.all_reduce(total, op='mean')
    return nonzero(total)
