"""Losses on embeddings: Eq. 1 and Eq. 4-8.

Every function works in float32 or wider, and gives an image's loss, or those of several: a zero
with a live graph where there is nothing to compare. Images with fewer instances than others have
rows that are not ``visible``, and count for nothing.

Shape shorthand:
    ...: any batch axes, the same in all arguments
    N: pixels of an image
    K: instances of an image
    C: categories, C_th of them things (first)
    D: embedding width
"""

from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from .interaction import calibrated_cosine, embedding_distance
from .parts import Parts, sum_over_parts
from .precision import full_precision

# Smallest argument of the logarithm in Eq. 6: a term is at most -log(1e-6) = 13.8.
MIN_CONSISTENCY = 1e-6


@full_precision
def semantic_center_loss(
    embeddings: Parts,
    labels: Parts,
    centers: Tensor,
    margin: float = 5.0,
    reduction: Literal['mean', 'sum'] = 'mean',
    category_reduction: Literal['mean', 'sum'] = 'mean',
) -> Tensor:
    r"""Pixels near their category's center and far from the others', first line of Eq. 1.

    .. math:: \sum_j \Big[\operatorname*{mean}_{y_i = j} D_e(S_i, Q_j)
              - \operatorname*{mean}_{y_i \ne j} D_e(S_i, Q_j) + m\Big]_+

    over the categories j that have pixels. The second mean is 0 when all pixels are of one
    category.

    Args:
        embeddings: S, (..., N, D) float, or parts of it, each with some of the pixels: what a
            part needs is computed again in the backward pass, so that they bound the memory.
        labels: y, (..., N) integer in [0, C), or parts; pixels with any other label are left out.
        centers: Q, (..., C, D) float.
        margin: m. D_e is at most 2, so with the paper's 5 the hinge never closes.
        reduction: ``'mean'``, or ``'sum'`` for the printed :math:`\frac{1}{N_j} [\sum - \sum +
            m]_+`. With sums the many pixels of other categories outweigh the category's own, and
            the hinge is nearly always closed.
        category_reduction: ``'mean'`` over the categories j, or their ``'sum'`` as printed, which
            grows with the number of categories in the image.

    Returns:
        (...) >= 0.

    Example:
        >>> centers = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> embeddings = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> labels = torch.tensor([0, 1, 255])
        >>> semantic_center_loss(embeddings, labels, centers)  # 0 - sqrt(2) + 5
        tensor(3.5858)
    """
    near, total, inside = sum_over_parts(_center_distances, (embeddings, labels), centers)
    present, far = inside > 0, total - near
    divisor = inside.clamp_min(1)
    if reduction == 'sum':
        terms = F.relu(near - far + margin) / divisor
    else:
        outside = inside.sum(-1, keepdim=True) - inside
        terms = F.relu(near / divisor - far / outside.clamp_min(1) + margin)
    loss = torch.where(present, terms, 0.0).sum(-1)
    return loss / present.sum(-1).clamp_min(1) if category_reduction == 'mean' else loss


@full_precision
def _center_distances(
    embeddings: Tensor, labels: Tensor, centers: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Sums over pixels, by center: of the category's own distances, of all; and its pixels."""
    valid = (labels >= 0) & (labels < centers.shape[-2])
    rows, weight = torch.where(valid, labels.long(), 0), valid.to(centers.dtype)
    distances = embedding_distance(centers, embeddings)
    own = distances.gather(-2, rows[..., None, :]).squeeze(-2) * weight
    zeros = distances.new_zeros(distances.shape[:-1])
    near, inside = zeros.scatter_add(-1, rows, own), zeros.scatter_add(-1, rows, weight)
    return near, (distances @ weight[..., None]).squeeze(-1), inside


@full_precision
def instance_push_loss(
    instance_means: Tensor, delta_d: float = 1.5, visible: Tensor | None = None
) -> Tensor:
    r"""Means of different instances apart, second line of Eq. 1.

    .. math:: \frac{1}{K (K - 1)} \sum_{k \ne m} [2 \sigma_d - \lVert E_k - E_m \rVert]_+

    Args:
        instance_means: E, (..., K, D) float.
        delta_d: sigma_d, half the distance at which two instances no longer repel each other.
        visible: (..., K) bool, instances that have pixels; None when all have.

    Returns:
        (...) in [0, 2 delta_d]; zero where K < 2.

    Note:
        The printed sum includes k = m, which adds a constant without gradient.

    Example:
        >>> instance_push_loss(torch.tensor([[0.0, 0.0], [1.0, 0.0]]))  # 2 * 1.5 - 1
        tensor(2.)
    """
    # Not by a matrix product, which leaves few digits; the gradient at distance 0 is 0.
    distances = torch.cdist(
        instance_means, instance_means, compute_mode='donot_use_mm_for_euclid_dist'
    )
    shares = _shares(instance_means, visible)
    is_other = ~torch.eye(shares.shape[-1], dtype=torch.bool, device=shares.device)
    is_pair = (shares[..., None] > 0) & (shares[..., None, :] > 0) & is_other
    hinges = torch.where(is_pair, F.relu(2 * delta_d - distances), 0.0)
    return hinges.sum((-2, -1)) / is_pair.sum((-2, -1)).clamp_min(1)


@full_precision
def instance_pull_loss(
    embeddings: Parts,
    segment_ids: Parts,
    instance_means: Tensor,
    delta_v: float = 0.5,
) -> Tensor:
    r"""Pixels near their instance's mean, third line of Eq. 1.

    .. math:: \frac{1}{K} \sum_k \frac{1}{N_k} \sum_{t_i = k} [\lVert I_i - E_k \rVert - \sigma_v]_+

    Args:
        embeddings: I, (..., N, D) float, or parts of it, see :func:`semantic_center_loss`.
        segment_ids: t, (..., N) int64 in [0, K), -1 for pixels of no instance, or parts of it.
        instance_means: E, (..., K, D) float.
        delta_v: sigma_v, the distance within which a pixel is not pulled.

    Returns:
        (...) >= 0, averaged over the instances that have pixels.

    Example:
        >>> embeddings = torch.tensor([[0.0, 0.0], [2.0, 0.0], [9.0, 9.0]])
        >>> segment_ids = torch.tensor([0, 0, -1])
        >>> instance_pull_loss(embeddings, segment_ids, instance_means=torch.tensor([[1.0, 0.0]]))
        tensor(0.5000)
    """
    if instance_means.shape[-2] == 0:
        return instance_means.sum((-2, -1))  # A zero with a live graph.
    hinges, areas = sum_over_parts(
        partial(_pull_hinges, delta_v=delta_v), (embeddings, segment_ids), instance_means
    )
    return (hinges / areas.clamp_min(1)).sum(-1) / (areas > 0).sum(-1).clamp_min(1)


@full_precision
def _pull_hinges(
    embeddings: Tensor, segment_ids: Tensor, instance_means: Tensor, delta_v: float
) -> tuple[Tensor, Tensor]:
    """Sums over pixels, by instance: of the hinges, and of ones."""
    valid = segment_ids >= 0
    rows, weight = torch.where(valid, segment_ids, 0), valid.to(instance_means.dtype)
    own = instance_means.gather(-2, rows[..., None].expand_as(embeddings))
    # Rows side by side in memory, as those of the means are.
    offsets = embeddings.contiguous() - own
    hinge = F.relu(torch.linalg.vector_norm(offsets, dim=-1) - delta_v) * weight
    zeros = hinge.new_zeros(instance_means.shape[:-1])
    return zeros.scatter_add(-1, rows, hinge), zeros.scatter_add(-1, rows, weight)


@full_precision
def instance_semantic_consistency_loss(
    instance_means: Tensor,
    instance_labels: Tensor,
    centers: Tensor,
    present: Tensor,
    alpha: float = 0.15,
    visible: Tensor | None = None,
    seen: Tensor | None = None,
) -> Tensor:
    r"""R_ins: instance means point to their own category's center, Eq. 5-7.

    .. math:: \ell_{kj} = -\log\Big(1 - \frac{[d_n^{kj} - D_c(E_k, Q_{g(k)}) + \alpha]_+}
                                             {1 + \alpha}\Big)

    with :math:`d_n^{kj} = D_c(E_k, Q_j)` for :math:`j \ne g(k)` and 1 for j = g(k), as printed;
    summed over the present categories j, averaged over the instances.

    Args:
        instance_means: E, (..., K, D) float.
        instance_labels: g, (..., K) int64 in [0, C).
        centers: Q, (..., C, D) float.
        present: J as a mask, (..., C) bool. An instance's own category always counts as present.
        alpha: Soft margin, > 0.
        visible: (..., K) bool, instances that have pixels; None when all have.
        seen: (..., C) bool, categories with a center; of those that are not present, the one that
            an instance is nearest to counts as well. None leaves them out, as printed.

    Returns:
        (...) >= 0; zero where K = 0. The logarithm's argument is kept at or above
        ``MIN_CONSISTENCY``, with zero gradient below: an instance opposite to its center has no
        direction to turn to anyway.

    Example:
        >>> centers = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> present = torch.tensor([True, True])
        >>> means = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> instance_semantic_consistency_loss(means, torch.tensor([0, 1]), centers, present)
        tensor(0.1398)
        >>> instance_semantic_consistency_loss(means, torch.tensor([1, 0]), centers, present)
        tensor(1.6658)
    """
    own = F.one_hot(instance_labels, centers.shape[-2]).bool()
    cosine = calibrated_cosine(instance_means, centers)
    positive = cosine.gather(-1, instance_labels[..., None])
    negative = torch.where(own, 1.0, cosine)
    violation = F.relu(negative - positive + alpha) / (1 + alpha)
    losses = -(1 - violation).clamp_min(MIN_CONSISTENCY).log()
    counted = own | present[..., None, :]
    if seen is not None:
        absent = seen[..., None, :] & ~counted
        nearest = cosine.masked_fill(~absent, -1).argmax(-1)
        counted |= absent & F.one_hot(nearest, centers.shape[-2]).bool()
    terms = torch.where(counted, losses, 0.0).sum(-1)
    return (terms * _shares(instance_means, visible)).sum(-1)


@full_precision
def center_cross_entropy(logits: Tensor, present: Tensor) -> Tensor:
    """Cross-entropy of centers that should be taken for their own category.

    Eq. 4 gives the classifier thing pixels that are their category's center, and all of an image's
    pixels of a category the same one; so each center counts once.

    Args:
        logits: Of the centers of things, (..., C_th, C) float.
        present: Categories that have pixels, (..., C_th) bool.

    Returns:
        (...) >= 0, the mean over the present categories; 0 where there is none.

    Example:
        >>> logits = torch.tensor([[0.0, 0.0, 0.0], [0.0, 9.0, 0.0]])
        >>> center_cross_entropy(logits, torch.tensor([True, False]))  # log(3)
        tensor(1.0986)
    """
    own = logits.log_softmax(-1).diagonal(dim1=-2, dim2=-1)
    return -torch.where(present, own, 0.0).sum(-1) / present.sum(-1).clamp_min(1)


@full_precision
def centroid_regularization(
    instance_means: Tensor,
    centroid_embeddings: Tensor,
    reduction: Literal['mean', 'sum'] = 'mean',
    visible: Tensor | None = None,
) -> Tensor:
    r"""L_cen: instance means and centroid embeddings together, Eq. 8.

    .. math:: \frac{1}{K D} \sum_k \lVert E_k - O_k \rVert^2

    Args:
        instance_means: E, (..., K, D) float.
        centroid_embeddings: O, (..., K, D) float.
        reduction: Over D: ``'mean'``, or ``'sum'`` as printed. Summed and weighted by the paper's
            10, the term collapses the embedding before the heatmap can learn.
        visible: (..., K) bool, instances that have pixels; None when all have.

    Returns:
        (...) >= 0; zero where K = 0.

    Example:
        >>> means = torch.tensor([[0.0, 0.0], [4.0, 1.0]])
        >>> centroid_embeddings = torch.tensor([[0.0, 2.0], [4.0, 1.0]])
        >>> centroid_regularization(means, centroid_embeddings)
        tensor(1.)
        >>> centroid_regularization(means, centroid_embeddings, reduction='sum')
        tensor(2.)
    """
    squared = (instance_means - centroid_embeddings).square()
    squared = squared.mean(-1) if reduction == 'mean' else squared.sum(-1)
    return (squared * _shares(instance_means, visible)).sum(-1)


def _shares(instance_means: Tensor, visible: Tensor | None) -> Tensor:
    """What each instance counts for in the mean over its image's: (..., K), 0 if not visible."""
    shape = instance_means.shape[:-1]
    counts = instance_means.new_ones(shape) if visible is None else visible.to(instance_means.dtype)
    return counts / counts.sum(-1, keepdim=True).clamp_min(1)
