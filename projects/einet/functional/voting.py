"""Instances found whatever the class of their pixels, which then vote for it.

Shape shorthand:
    C: categories, things first
    C_th: thing categories
    K: groups (instances)
    h, w: network's maps
    H, W: original image
    N: pixels of the original image that are labeled as things, given as flat indices
"""

from collections.abc import Callable

import torch
from torch import Tensor

from .grouping import Semantics, row_slices
from .resize import BilinearCells
from .steps import Steps, count_by, in_steps, select


def majority_labels(
    groups: Tensor, labels: Tensor, num_groups: int, num_things_classes: int
) -> Tensor:
    """The most frequent label of every group's pixels.

    Args:
        groups: (N,) int64 in [0, K), -1 for pixels of no group.
        labels: (N,) int64 in [0, C_th).
        num_groups: K.
        num_things_classes: C_th.

    Returns:
        (K,) int64 in [0, C_th), the lowest among equals; 0 for a group without pixels.

    Example:
        >>> groups, labels = torch.tensor([0, 0, 0, 1, -1]), torch.tensor([2, 1, 2, 0, 1])
        >>> majority_labels(groups, labels, num_groups=2, num_things_classes=3)
        tensor([2, 0])
    """
    # Pixels of no group vote for one behind the last.
    cast = groups.masked_fill(groups < 0, num_groups) * num_things_classes + labels
    votes = count_by(cast, (num_groups + 1) * num_things_classes)
    return votes.view(-1, num_things_classes)[:num_groups].max(dim=1).indices


@in_steps
def relabel(
    semantics: Semantics,
    groups: Tensor,
    group_labels: Tensor,
    probability: Callable[[Tensor, Tensor], Tensor],
) -> Steps[Semantics]:
    """Overrule the labels of thing pixels by those of their groups.

    Args:
        semantics: Semantics of the image.
        groups: (N,) int64 in [0, K), -1 for pixels of no group.
        group_labels: (K,) int64 in [0, C_th).
        probability: Gives the probabilities of labels at pixels; called with flat indices and
            labels, (M,) int64 each, of the pixels that are overruled.

    Returns:
        ``semantics`` with other ``thing_labels``, and their probabilities. ``labels`` stay: what
        the network says of each pixel alone.

    Example:
        >>> semantics = Semantics(
        ...     labels=torch.tensor([[0, 1, 0, 2]], dtype=torch.uint8),
        ...     thing_pixels=torch.tensor([0, 1, 2]),
        ...     thing_labels=torch.tensor([0, 1, 0]),
        ...     thing_probabilities=torch.tensor([0.9, 0.6, 0.8]),
        ... )
        >>> changed = relabel(
        ...     semantics,
        ...     groups=torch.tensor([0, 0, 0]),
        ...     group_labels=torch.tensor([0]),
        ...     probability=lambda pixels, labels: torch.full(pixels.shape, 0.3),
        ... )
        >>> changed.thing_labels, changed.thing_probabilities
        (tensor([0, 0, 0]), tensor([0.9000, 0.3000, 0.8000]))
    """
    # Group -1 reads a label of its own behind the others, for which there may be no group at all.
    voted = torch.cat((group_labels, group_labels.new_zeros(1)))[groups]
    labels = voted.where(groups >= 0, semantics.thing_labels)
    overruled = yield from select(labels != semantics.thing_labels)
    probabilities = semantics.thing_probabilities.clone()
    probabilities[overruled] = probability(semantics.thing_pixels[overruled], labels[overruled])
    return semantics._replace(thing_labels=labels, thing_probabilities=probabilities)


def softmax_at(logits: Tensor, cells: BilinearCells, pixels: Tensor, labels: Tensor) -> Tensor:
    """Softmax probability of a label at each of some pixels, from upsampled logits.

    Args:
        logits: (C, h, w) float.
        cells: Mapping from the maps to the original image.
        pixels: (M,) int64, flat indices.
        labels: (M,) int64 in [0, C).

    Returns:
        (M,) float in [0, 1].

    Example:
        >>> from einet.functional.resize import Shapes
        >>> logits = torch.tensor([[[0.0, 8.0]], [[0.0, 0.0]]])
        >>> cells = BilinearCells((1, 2), Shapes((4, 8), (4, 8), ori=(1, 2)), like=logits)
        >>> softmax_at(logits, cells, pixels=torch.tensor([0, 1]), labels=torch.tensor([1, 0]))
        tensor([0.5000, 0.9997])
    """
    table = logits.flatten(1).t().contiguous()
    probabilities = logits.new_empty(len(pixels))
    for part in row_slices(len(pixels), len(logits)):
        values = cells.sample(table, pixels[part])
        own = values.gather(1, labels[part, None]).squeeze(1)
        probabilities[part] = (own - values.logsumexp(dim=1)).exp()
    return probabilities
