"""Losses on embeddings: Eq. 1 and Eq. 5-8.

Every function is for one image, works in float32 or wider, and gives a zero with a live graph when
there is nothing to compare.

Shape shorthand:
    N: pixels of the image
    K: instances of the image
    C: categories
    D: embedding width
"""

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from .interaction import calibrated_cosine, embedding_distance
from .precision import full_precision

# Smallest argument of the logarithm in Eq. 6: a term is at most -log(1e-6) = 13.8.
MIN_CONSISTENCY = 1e-6
# Distances (pixels x categories) at a time: a 4096 x 4096 image with 133 categories has 2^27.
_CHUNK = 1 << 24


@full_precision
def semantic_center_loss(
    embeddings: Tensor,
    labels: Tensor,
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
        embeddings: S, (N, D) float.
        labels: y, (N,) integer in [0, C); pixels with any other label (255) are left out.
        centers: Q, (C, D) float.
        margin: m. D_e is at most 2, so with the paper's 5 the hinge never closes.
        reduction: ``'mean'``, or ``'sum'`` for the printed :math:`\frac{1}{N_j} [\sum - \sum +
            m]_+`. With sums the many pixels of other categories outweigh the category's own, and
            the hinge is nearly always closed.
        category_reduction: ``'mean'`` over the categories j, or their ``'sum'`` as printed, which
            grows with the number of categories in the image.

    Returns:
        Scalar >= 0.

    Example:
        >>> centers = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> embeddings = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> labels = torch.tensor([0, 1, 255])
        >>> semantic_center_loss(embeddings, labels, centers)  # 0 - sqrt(2) + 5
        tensor(3.5858)
    """
    valid = (labels >= 0) & (labels < len(centers))
    counts = torch.bincount(labels[valid].long(), minlength=len(centers))
    present = torch.nonzero(counts).squeeze(1)
    if len(present) == 0:
        return _zero(embeddings, centers)
    slots = torch.zeros_like(counts)
    slots[present] = torch.arange(len(present), device=slots.device)
    slot = slots[torch.where(valid, labels.long(), 0)]
    weight = valid.to(embeddings.dtype)

    table = centers[present]
    if len(slot) * len(present) <= _CHUNK:
        near, far = _distance_sums(embeddings, slot, weight, table)
    else:
        rows = max(_CHUNK // len(present), 1)
        parts = zip(*(torch.split(t, rows) for t in (embeddings, slot, weight)), strict=True)
        options: Any = dict(use_reentrant=False, preserve_rng_state=False)
        sums = [checkpoint(_distance_sums, *part, table, **options) for part in parts]
        near, far = torch.stack(sums).sum(0)
    inside = counts[present].to(near.dtype)
    if reduction == 'sum':
        terms = F.relu(near - far + margin) / inside
    else:
        outside = weight.sum() - inside
        terms = F.relu(near / inside - far / outside.clamp_min(1) + margin)
    return terms.mean() if category_reduction == 'mean' else terms.sum()


def _distance_sums(embeddings: Tensor, slot: Tensor, weight: Tensor, centers: Tensor) -> Tensor:
    """Sums of distances to each center: over its own pixels, and over the others; (2, C)."""
    distances = embedding_distance(embeddings.contiguous(), centers)
    own = distances.gather(1, slot[:, None]).squeeze(1) * weight
    near = own.new_zeros(len(centers)).index_add(0, slot, own)
    return torch.stack([near, weight @ distances.scatter(1, slot[:, None], 0.0)])


@full_precision
def instance_push_loss(instance_means: Tensor, delta_d: float = 1.5) -> Tensor:
    r"""Means of different instances apart, second line of Eq. 1.

    .. math:: \frac{1}{K (K - 1)} \sum_{k \ne m} [2 \sigma_d - \lVert E_k - E_m \rVert]_+

    Args:
        instance_means: E, (K, D) float; only instances that have pixels.
        delta_d: sigma_d, half the distance at which two instances no longer repel each other.

    Returns:
        Scalar in [0, 2 delta_d]; zero when K < 2.

    Note:
        The printed sum includes k = m, which adds a constant without gradient.

    Example:
        >>> instance_push_loss(torch.tensor([[0.0, 0.0], [1.0, 0.0]]))  # 2 * 1.5 - 1
        tensor(2.)
    """
    if len(instance_means) < 2:
        return _zero(instance_means)
    # Unordered pairs: their mean is that of the ordered ones. Its gradient at distance 0 is 0.
    return F.relu(2 * delta_d - F.pdist(instance_means)).mean()


@full_precision
def instance_pull_loss(
    embeddings: Tensor, segment_ids: Tensor, instance_means: Tensor, delta_v: float = 0.5
) -> Tensor:
    r"""Pixels near their instance's mean, third line of Eq. 1.

    .. math:: \frac{1}{K} \sum_k \frac{1}{N_k} \sum_{t_i = k} [\lVert I_i - E_k \rVert - \sigma_v]_+

    Args:
        embeddings: I, (N, D) float.
        segment_ids: t, (N,) int64 in [0, K), -1 for pixels of no instance.
        instance_means: E, (K, D) float.
        delta_v: sigma_v, the distance within which a pixel is not pulled.

    Returns:
        Scalar >= 0, averaged over the instances that have pixels.

    Example:
        >>> embeddings = torch.tensor([[0.0, 0.0], [2.0, 0.0], [9.0, 9.0]])
        >>> segment_ids = torch.tensor([0, 0, -1])
        >>> instance_pull_loss(embeddings, segment_ids, instance_means=torch.tensor([[1.0, 0.0]]))
        tensor(0.5000)
    """
    valid = segment_ids >= 0
    counts = torch.bincount(segment_ids[valid], minlength=len(instance_means))
    num_instances = int(counts.count_nonzero())
    if num_instances == 0:
        return _zero(embeddings, instance_means)
    rows = torch.where(valid, segment_ids, 0)
    # Weighting pixels by 1 / (K N_k) makes one sum of the mean of means.
    weights = torch.where(valid, 1 / (num_instances * counts[rows].to(embeddings.dtype)), 0.0)
    offsets = embeddings.contiguous() - instance_means.index_select(0, rows)
    return weights @ F.relu(torch.linalg.vector_norm(offsets, dim=1) - delta_v)


@full_precision
def instance_semantic_consistency_loss(
    instance_means: Tensor,
    instance_labels: Tensor,
    centers: Tensor,
    present: Tensor,
    alpha: float = 0.15,
) -> Tensor:
    r"""R_ins: instance means point to their own category's center, Eq. 5-7.

    .. math:: \ell_{kj} = -\log\Big(1 - \frac{[d_n^{kj} - D_c(E_k, Q_{g(k)}) + \alpha]_+}
                                             {1 + \alpha}\Big)

    with :math:`d_n^{kj} = D_c(E_k, Q_j)` for :math:`j \ne g(k)` and 1 for j = g(k), as printed;
    summed over the present categories j, averaged over the instances.

    Args:
        instance_means: E, (K, D) float; only instances that have pixels.
        instance_labels: g, (K,) int64 in [0, C).
        centers: Q, (C, D) float.
        present: J as a mask, (C,) bool. An instance's own category always counts as present.
        alpha: Soft margin, > 0.

    Returns:
        Scalar >= 0; zero when K = 0. The logarithm's argument is kept at or above
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
    if len(instance_means) == 0:
        return _zero(instance_means, centers)
    own = F.one_hot(instance_labels, len(centers)).bool()
    cosine = calibrated_cosine(instance_means, centers)
    positive = cosine.gather(1, instance_labels[:, None])
    negative = torch.where(own, 1.0, cosine)
    violation = F.relu(negative - positive + alpha) / (1 + alpha)
    losses = -(1 - violation).clamp_min(MIN_CONSISTENCY).log()
    return torch.where(own | present, losses, 0.0).sum(1).mean()


@full_precision
def centroid_regularization(
    instance_means: Tensor,
    centroid_embeddings: Tensor,
    reduction: Literal['mean', 'sum'] = 'mean',
) -> Tensor:
    r"""L_cen: instance means and centroid embeddings together, Eq. 8.

    .. math:: \frac{1}{K D} \sum_k \lVert E_k - O_k \rVert^2

    Args:
        instance_means: E, (K, D) float; only instances that have pixels.
        centroid_embeddings: O, (K, D) float.
        reduction: Over D: ``'mean'``, or ``'sum'`` as printed. Summed and weighted by the paper's
            10, the term collapses the embedding before the heatmap can learn.

    Returns:
        Scalar >= 0; zero when K = 0.

    Example:
        >>> means = torch.tensor([[0.0, 0.0], [4.0, 1.0]])
        >>> centroid_embeddings = torch.tensor([[0.0, 2.0], [4.0, 1.0]])
        >>> centroid_regularization(means, centroid_embeddings)
        tensor(1.)
        >>> centroid_regularization(means, centroid_embeddings, reduction='sum')
        tensor(2.)
    """
    if len(instance_means) == 0:
        return _zero(instance_means, centroid_embeddings)
    squared = (instance_means - centroid_embeddings).square()
    return squared.mean() if reduction == 'mean' else squared.sum(1).mean()


def _zero(*tensors: Tensor) -> Tensor:
    """A zero with a live graph; sums of nothing, so that no value can turn it into NaN."""
    return torch.stack([tensor[:0].sum() for tensor in tensors]).sum()
