r"""The class of every pixel, and the peak that it joins (Eq. 9), per image.

Every decision is an argmax over upsampled maps that are *linear* in the network's output: logits,
and for the nearest centroid :math:`I \cdot O_k - \lVert O_k \rVert^2 / 2`. If the argmax is the
same at the four corners of a cell it is so in all of the cell. Only pixels of the other cells, the
borders, are evaluated. This equals upsampling everything and comparing there.

Shape shorthand:
    C: categories, things first
    C_th: thing categories
    K: instances
    D: embedding width
    h, w: network's maps
    H, W: original image
    N: pixels of the original image that are labeled as things, given as flat indices
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor

from .heatmap import Peaks
from .precision import full_precision
from .resize import BilinearCells
from .steps import Steps, count_by, in_steps, select, selected

# Values (pixels x channels) in flight: bounds memory at any image size and instance count.
_CHUNK = 1 << 22
# Owner of a cell whose corners do not have the same one.
_BORDER = -2


class Semantics(NamedTuple):
    """The semantic decision at the original size.

    Attributes:
        labels: (H, W) uint8 in [0, C).
        thing_pixels: (N,) int64, flat indices of the pixels labeled as a thing.
        thing_labels: (N,) int64, their labels.
        thing_probabilities: (N,) float, softmax probability of the label there.
    """

    labels: Tensor
    thing_pixels: Tensor
    thing_labels: Tensor
    thing_probabilities: Tensor


@in_steps
def semantic_decision(
    logits: Tensor, cells: BilinearCells, num_things_classes: int
) -> Steps[Semantics]:
    """Label every pixel by the largest upsampled logit, with its probability on thing pixels.

    Args:
        logits: (C, h, w) float, finite, C <= 255.
        cells: Mapping from the maps to the original image.
        num_things_classes: C_th.

    Returns:
        The decision.

    Example:
        >>> from einet.functional.resize import Shapes
        >>> logits = torch.tensor([[[4.0, 0.0]], [[0.0, 2.0]]])  # a thing class, a stuff class
        >>> cells = BilinearCells((1, 2), Shapes((4, 8), (4, 8), ori=(1, 4)), like=logits)
        >>> decision = semantic_decision(logits, cells, num_things_classes=1)
        >>> decision.labels
        tensor([[0, 0, 1, 1]], dtype=torch.uint8)
        >>> decision.thing_pixels, decision.thing_probabilities
        (tensor([0, 1]), tensor([0.9820, 0.9241]))
    """
    undecided = len(logits)
    corner = logits.max(dim=0).indices
    corner = corner.masked_fill(~cells.unanimous(corner), undecided).to(torch.uint8)
    labels = cells.expand(corner).flatten()
    pixels = yield from select((labels < num_things_classes) | (labels == undecided))
    table = logits.flatten(1).t().contiguous()
    chosen = torch.empty_like(pixels)
    probabilities = logits.new_empty(len(pixels))
    for part in row_slices(len(pixels), len(logits)):
        values = cells.sample(table, pixels[part])
        best = values.max(dim=1)
        chosen[part] = best.indices
        probabilities[part] = (best.values - values.logsumexp(dim=1)).exp()
    labels[pixels] = chosen.to(torch.uint8)
    things = yield from select(chosen < num_things_classes)
    return Semantics(
        labels=labels.view(cells.ori_shape),
        thing_pixels=pixels[things],
        thing_labels=chosen[things],
        thing_probabilities=probabilities[things],
    )


@in_steps
def most_probable(probabilities: Tensor, num_things_classes: int) -> Steps[Semantics]:
    """Label every pixel by its largest probability.

    Args:
        probabilities: (C, H, W) float in [0, 1], C <= 255.
        num_things_classes: C_th.

    Returns:
        The decision.

    Example:
        >>> probabilities = torch.tensor([[[0.9, 0.4]], [[0.1, 0.6]]])
        >>> most_probable(probabilities, num_things_classes=1).labels
        tensor([[0, 1]], dtype=torch.uint8)
    """
    best = probabilities.max(dim=0)
    labels = best.indices.flatten()
    pixels = yield from select(labels < num_things_classes)
    return Semantics(
        labels=best.indices.to(torch.uint8),
        thing_pixels=pixels,
        thing_labels=labels[pixels],
        thing_probabilities=best.values.flatten()[pixels],
    )


def are_distinct(peaks: Peaks, embeddings: Sequence[Tensor], min_distance: float) -> Tensor:
    """Which peaks do not have the embedding of a stronger one of their class: an instance each.

    The training keeps instances of an image 2 x delta_d apart and their pixels within delta_v
    (Eq. 1), so what is nearer than delta_d / 2 lies on one instance.

    Args:
        peaks: K peaks, those of a class by falling score.
        embeddings: Embeddings at the peaks, (K, D) float of each view of the image.
        min_distance: Distance, root mean square over the views, from which peaks are two.

    Returns:
        (K,) bool.

    Example:
        >>> from torch import tensor
        >>> peaks = Peaks(
        ...     xy=tensor([[1, 1], [2, 1], [9, 9], [3, 1]]),
        ...     labels=tensor([0, 0, 0, 1]),
        ...     scores=tensor([0.9, 0.8, 0.7, 0.6]),
        ... )
        >>> are_distinct(peaks, [tensor([[0.0], [0.5], [2.0], [0.5]])], 0.75)
        tensor([ True, False,  True,  True])
    """
    count = len(peaks.labels)
    order = torch.arange(count, device=peaks.labels.device)
    keep = torch.ones_like(peaks.labels, dtype=torch.bool)
    for part in row_slices(count, count):
        squared = sum(
            torch.cdist(e[part], e, compute_mode='donot_use_mm_for_euclid_dist').square()
            for e in embeddings
        )
        is_stronger = (order < order[part, None]) & (peaks.labels == peaks.labels[part, None])
        is_near = squared < len(embeddings) * min_distance**2
        keep[part] = ~(is_near & is_stronger).any(dim=1)
    return keep


@full_precision
def score_maps(embedding: Tensor, centroid_embeddings: Tensor) -> Tensor:
    r"""How near each pixel's embedding is to each centroid's, linear in the embedding (Eq. 9).

    .. math:: s_k = I \cdot O_k - \lVert O_k \rVert^2 / 2
                  = (\lVert I \rVert^2 - \lVert I - O_k \rVert^2) / 2

    The largest over k is the nearest centroid. Both are moved by the mean centroid first: no
    comparison changes, but float32 keeps its digits when embeddings share a large offset, as
    pixel coordinates do.

    Args:
        embedding: I, (D, h, w) float.
        centroid_embeddings: O, (K, D) float.

    Returns:
        (K, h, w).

    Example:
        >>> embedding = torch.tensor([[[0.0, 1.0, 5.0]]])
        >>> score_maps(embedding, centroid_embeddings=torch.tensor([[0.0], [4.0]])).argmax(dim=0)
        tensor([[0, 0, 1]])
    """
    flat = embedding.flatten(1)
    scores = flat.new_empty(len(centroid_embeddings), flat.shape[1])
    if len(centroid_embeddings) > 0:
        mean = centroid_embeddings.mean(dim=0)
        centered = centroid_embeddings - mean
        bias = -0.5 * centered.square().sum(dim=1, keepdim=True)
        for part in row_slices(flat.shape[1], len(flat) + len(centered)):
            moved = flat[:, part] - mean[:, None]
            scores[:, part] = torch.addmm(bias, centered, moved)
    return scores.view(-1, *embedding.shape[1:])


@in_steps
def group_pixels(
    scores: Tensor,
    per_class: Sequence[int],
    cells: BilinearCells,
    pixels: Tensor,
    pixel_labels: Tensor,
) -> Steps[Tensor]:
    """Give every thing pixel to the nearest centroid of its own class (Eq. 9).

    Args:
        scores: (K, h, w) float, from :func:`score_maps`, or their sum over views; sorted by class.
        per_class: C_th numbers, how many of the centroids each class has.
        cells: Mapping from the maps to the original image.
        pixels: (N,) int64, flat indices of thing pixels.
        pixel_labels: (N,) int64 in [0, C_th), their class.

    Returns:
        (N,) int64 in [0, K), the lowest among equals; -1 where the class has no centroid.

    Example:
        >>> from einet.functional.resize import Shapes
        >>> embedding = torch.tensor([[[0.0, 4.0]]])
        >>> cells = BilinearCells((1, 2), Shapes((4, 8), (4, 8), ori=(1, 4)), like=embedding)
        >>> group_pixels(
        ...     score_maps(embedding, centroid_embeddings=torch.tensor([[0.0], [4.0]])),
        ...     per_class=[2, 0],
        ...     cells=cells,
        ...     pixels=torch.tensor([0, 1, 2, 3]),
        ...     pixel_labels=torch.tensor([0, 0, 0, 1]),
        ... )
        tensor([ 0,  0,  1, -1])
    """
    sizes = zip(per_class, accumulate(per_class), strict=True)
    own = {label: slice(end - size, end) for label, (size, end) in enumerate(sizes) if size}
    # A row for each class that has centroids, and a last one for all others.
    owners = scores.new_full((len(own) + 1, *scores.shape[1:]), -1, dtype=torch.int32)
    rows = pixels.new_full((len(per_class),), len(own))
    for row, (label, members) in enumerate(own.items()):
        corner = scores[members].max(dim=0).indices
        owners[row] = (corner + members.start).masked_fill_(~cells.unanimous(corner), _BORDER)
        rows[label] = row
    pixel_rows = rows[pixel_labels]
    groups = owners.flatten(1)[pixel_rows, cells.cell_of(pixels)].long()

    is_border = groups == _BORDER
    counts = yield count_by(pixel_rows, len(owners), weights=is_border)
    border = selected(is_border, sum(counts))
    border = border[pixel_rows[border].argsort(stable=True)]
    for members, chosen in zip(own.values(), torch.split(border, counts), strict=False):
        groups[chosen] = members.start + _largest(scores[members], cells, pixels[chosen])
    return groups


def _largest(maps: Tensor, cells: BilinearCells, pixels: Tensor) -> Tensor:
    """Which of the maps (K, h, w), upsampled, is the largest at pixels (M,): (M,) int64."""
    table = maps.flatten(1).t().contiguous()
    largest = torch.empty_like(pixels)
    for part in row_slices(len(pixels), len(maps)):
        largest[part] = cells.sample(table, pixels[part]).max(dim=1).indices
    return largest


def row_slices(length: int, width: int) -> list[slice]:
    """Cut ``length`` rows of ``width`` values into parts that bound memory, at least a row each.

    Example:
        >>> row_slices(length=5, width=1 << 21)
        [slice(0, 2, None), slice(2, 4, None), slice(4, 6, None)]
    """
    step = max(_CHUNK // max(width, 1), 1)
    return [slice(start, start + step) for start in range(0, length, step)]
