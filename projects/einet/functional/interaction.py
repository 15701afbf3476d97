"""Interaction of instance and semantic embeddings through the semantic centers, Eq. 2-4.

Tensors over categories have C rows; ``present`` says which of them the image contains.
phi(x) = x / ||x||.

Shape shorthand:
    ...: any batch axes, the same in all arguments
    N: pixels of one image
    K: instances of one image
    C: categories, things first
    D: embedding width
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from .precision import full_precision

# A shorter vector has no direction: phi is 0 there, with zero gradient.
MIN_NORM = 1e-6


@full_precision
def unit(vectors: Tensor) -> Tensor:
    """phi: vectors of length 1.

    Args:
        vectors: (..., D) float.

    Returns:
        (..., D); zero, with zero gradient, where a vector is shorter than ``MIN_NORM``.

    Example:
        >>> unit(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
        tensor([[0.6000, 0.8000],
                [0.0000, 0.0000]])
    """
    return vectors * _inverse_norm(vectors)[..., None]


@full_precision
def embedding_distance(a: Tensor, b: Tensor) -> Tensor:
    r"""D_e(a, b) = ||phi(a) - phi(b)||, between all pairs, by one matrix product.

    Args:
        a: (..., N, D) float; the smaller of the two, as it is copied.
        b: (..., M, D) float.

    Returns:
        (..., N, M) in [0, 2]. Where two directions coincide up to rounding, it is 0 with zero
        gradient.

    Example:
        >>> a = torch.tensor([[2.0, 0.0]])
        >>> b = torch.tensor([[5.0, 0.0], [0.0, 1.0], [-3.0, 0.0]])
        >>> embedding_distance(a, b)
        tensor([[0.0000, 1.4142, 2.0000]])
    """
    cosine, a_is_unit, b_is_unit = _cosine(a, b)
    squared = a_is_unit[..., None] + b_is_unit[..., None, :] - 2 * cosine
    resolvable = squared > 4 * torch.finfo(squared.dtype).eps
    # The root's slope at 0 is infinite: take it of 1 there, and drop the result.
    return torch.where(resolvable, squared, 1.0).sqrt() * resolvable


@full_precision
def calibrated_cosine(a: Tensor, b: Tensor) -> Tensor:
    """D_c(a, b) = (1 + cos(a, b)) / 2, between all pairs; 1 means the same direction.

    Args:
        a: (..., N, D) float.
        b: (..., M, D) float.

    Returns:
        (..., N, M) in [0, 1]; 1/2 where a vector has no direction.

    Example:
        >>> a = torch.tensor([[2.0, 0.0]])
        >>> b = torch.tensor([[5.0, 0.0], [0.0, 1.0], [-3.0, 0.0]])
        >>> calibrated_cosine(a, b)
        tensor([[1.0000, 0.5000, 0.0000]])
    """
    return ((1 + _cosine(a, b)[0]) / 2).clamp(0, 1)


@full_precision
def affinity(
    instance_means: Tensor,
    category_means: Tensor,
    present: Tensor | None = None,
    literal: bool = False,
    temperature: float = 1.0,
) -> Tensor:
    r"""Weights of instances for categories, Eq. 2.

    .. math:: \omega_{kj} = \frac{\exp(-D_e(E_k, V_j) / T)}
                               {\sum_{j' \in J} \exp(-D_e(E_k, V_{j'}) / T)}

    Args:
        instance_means: E, (..., K, D) float.
        category_means: V, (..., C, D) float.
        present: J as a mask, (..., C) bool; None when all are present.
        literal: Use +D_e as printed. It gives the *farthest* category the largest weight, the
            opposite of Fig. 4, so the default has the minus.
        temperature: T > 0; printed is 1. D_e lies in [0, 2], so at 1 no weight is more than 7.4
            times another one; smaller temperatures tell near and far categories apart.

    Returns:
        (..., K, C). Rows sum to 1 over the present categories and are 0 when there is none; the
        columns of absent categories are 0.

    Example:
        >>> instance_means = torch.tensor([[2.0, 0.0]])
        >>> category_means = torch.tensor([[5.0, 0.0], [0.0, 1.0], [-3.0, 0.0]])
        >>> affinity(instance_means, category_means)
        tensor([[0.7255, 0.1764, 0.0982]])
        >>> affinity(instance_means, category_means, present=torch.tensor([True, False, True]))
        tensor([[0.8808, 0.0000, 0.1192]])
    """
    distance = embedding_distance(instance_means, category_means)
    logits = (distance if literal else -distance) / temperature
    if present is None:
        return logits.softmax(dim=-1)
    present = present[..., None, :]
    # A finite floor: with -inf, an image without any category would give NaN.
    return logits.masked_fill(~present, torch.finfo(logits.dtype).min).softmax(dim=-1) * present


@full_precision
def center_contributions(
    instance_means: Tensor,
    instance_labels: Tensor,
    category_means: Tensor,
    affinity: Tensor,
    present: Tensor,
    num_things: int,
    instances: Literal['own', 'all'] = 'own',
    visible: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    r"""What one image adds to the update of the centers: numerators and denominators of Eq. 3.

    A present thing category with an instance of its own gets :math:`\sum_k \omega_{kj}
    \phi(E_k)` over :math:`\sum_k \omega_{kj}`. Any other present category, as stuff, gets
    :math:`\phi(V_j)` over 1, the "moving average" of Fig. 4. Sums over several images are sums of
    what this returns.

    Args:
        instance_means: E, (..., K, D) float.
        instance_labels: g, (..., K) int64 in [0, C).
        category_means: V, (..., C, D) float; rows of absent categories are not read.
        affinity: omega, (..., K, C) float, from :func:`affinity`.
        present: (..., C) bool.
        num_things: Number of thing categories; they have the labels 0..num_things-1.
        instances: What k runs over: ``'own'``, the category's instances, g(k) = j; or ``'all'`` K
            instances of the image, as printed. Omega is nearly flat, so that with all of them
            every thing category receives nearly the same mean and their centers become one.
        visible: (..., K) bool, instances that count; None when all do.

    Returns:
        Numerators (..., C, D) and denominators (..., C); both are 0 for absent categories.

    Example:
        >>> numerators, denominators = center_contributions(
        ...     instance_means=torch.tensor([[2.0, 0.0], [0.0, 3.0]]),
        ...     instance_labels=torch.tensor([0, 0]),
        ...     category_means=torch.tensor([[1.0, 1.0], [0.0, -5.0]]),  # a thing, a stuff category
        ...     affinity=torch.tensor([[0.75, 0.25], [0.25, 0.75]]),
        ...     present=torch.tensor([True, True]),
        ...     num_things=1,
        ... )
        >>> numerators
        tensor([[ 0.7500,  0.2500],
                [ 0.0000, -1.0000]])
        >>> denominators
        tensor([1., 1.])
    """
    num_classes = category_means.shape[-2]
    own = F.one_hot(instance_labels, num_classes).bool()
    counted = torch.ones_like(own) if visible is None else visible[..., None].expand_as(own)
    own = own & counted
    is_thing = torch.arange(num_classes, device=own.device) < num_things
    has_instance = own.any(dim=-2) & is_thing

    affinity = affinity * (own if instances == 'own' else counted)
    weighted_sum = affinity.mT @ unit(instance_means)
    numerator = torch.where(has_instance[..., None], weighted_sum, unit(category_means))
    denominator = torch.where(has_instance, affinity.sum(-2), 1.0)
    return (
        torch.where(present[..., None], numerator, 0.0),
        torch.where(present, denominator, 0.0),
    )


@full_precision
def update_centers(
    centers: Tensor,
    seen: Tensor,
    numerator: Tensor,
    denominator: Tensor,
    momentum: float = 0.9,
    normalize: bool = True,
) -> Tensor:
    r"""Move the semantic centers, Eq. 3.

    .. math:: Q_j \leftarrow \mu Q_j + (1 - \mu) \, \text{numerator}_j / \text{denominator}_j

    Args:
        centers: Q, (C, D) float.
        seen: Categories that already have a center, (C,) bool. A category's first sight sets its
            center to the quotient itself, so that it need not decay from zero.
        numerator: (..., C, D) float, of an image or summed over several, from
            :func:`center_contributions`.
        denominator: (..., C) float, likewise. Categories with 0 do not move.
        momentum: mu in [0, 1].
        normalize: Divide by the denominator. False takes the sum itself, as printed: the centers
            then grow with the number of instances.

    Returns:
        New Q, (..., C, D), differentiable with respect to the numerator and the denominator.

    Example:
        >>> update_centers(
        ...     centers=torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 7.0]]),
        ...     seen=torch.tensor([True, False, True]),
        ...     numerator=torch.tensor([[0.0, 2.0], [0.6, 0.8], [0.0, 0.0]]),
        ...     denominator=torch.tensor([2.0, 1.0, 0.0]),
        ... )
        tensor([[0.9000, 0.1000],
                [0.6000, 0.8000],
                [0.0000, 7.0000]])
    """
    moves = denominator > 0
    divisor = torch.where(moves, denominator, 1.0) if normalize else torch.ones_like(denominator)
    value = numerator / divisor[..., None]
    moved = torch.where(seen[:, None], momentum * centers + (1 - momentum) * value, value)
    return torch.where(moves[..., None], moved, centers)


def calibrate(
    semantic_embedding: Tensor,
    labels: Tensor,
    centers: Tensor,
    is_thing: Tensor,
) -> Tensor:
    """Replace the embeddings of thing pixels by their category's center, Eq. 4.

    Args:
        semantic_embedding: S, (..., N, D) float.
        labels: y, (..., N) integer in [0, C); pixels with any other label keep their embedding.
        centers: Q, (..., C, D) float.
        is_thing: (C,) bool.

    Returns:
        (..., N, D), the type of S.

    Example:
        >>> calibrate(
        ...     semantic_embedding=torch.tensor([[6.0, 8.0], [3.0, 4.0], [5.0, 6.0]]),
        ...     labels=torch.tensor([0, 1, 255]),  # a thing, stuff, void
        ...     centers=torch.tensor([[0.0, 0.5], [0.6, 0.0]]),
        ...     is_thing=torch.tensor([True, False]),
        ... )
        tensor([[0.0000, 0.5000],
                [3.0000, 4.0000],
                [5.0000, 6.0000]])
    """
    labeled = (labels >= 0) & (labels < len(is_thing))
    rows = torch.where(labeled, labels.long(), 0)
    replaced = (labeled & is_thing[rows])[..., None]
    # In the memory layout of pixels taken from a map, whose channels are planes.
    index = rows[..., None, :].expand_as(semantic_embedding.mT)
    values = centers.to(semantic_embedding.dtype).mT.gather(-1, index).mT
    return torch.where(replaced, values, semantic_embedding)


def _cosine(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Cosines (..., N, M), and which vectors have a direction: (..., N), (..., M), 1.0 or 0.0."""
    a_scale, b_scale = _inverse_norm(a), _inverse_norm(b)
    # Scaling the product instead of b saves a copy of the pixels' embeddings.
    cosine = ((a * a_scale[..., None]) @ b.mT) * b_scale[..., None, :]
    return cosine, (a_scale > 0).to(a.dtype), (b_scale > 0).to(b.dtype)


def _inverse_norm(vectors: Tensor) -> Tensor:
    # Several times as fast as `vector_norm` along an axis that is not the last in memory.
    squared = vectors.square().sum(-1)
    return torch.where(squared > MIN_NORM**2, squared.clamp_min(MIN_NORM**2).rsqrt(), 0.0)
