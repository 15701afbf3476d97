"""Semantics and the groups of thing pixels, written as one panoptic map with its instances.

Shape shorthand:
    C: categories, things first
    C_th: thing categories
    K: peaks, or the instances that have pixels
    D: embedding width
    H, W: original image
    N: pixels of the original image that are labeled as things, given as flat indices
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..structures.limits import INSTANCE_OFFSET
from .grouping import Semantics
from .heatmap import Peaks
from .resize import BilinearCells
from .steps import Steps, count_by, in_steps, select


class Groups(NamedTuple):
    """Which of K peaks each thing pixel joined.

    Attributes:
        owners: (N,) int64 in [0, K), -1 for none.
        sizes: (K,) int64, pixels of each peak.
        occupied: int64, the peaks that have pixels, rising.
    """

    owners: Tensor
    sizes: Tensor
    occupied: Tensor


class PanopticResult(NamedTuple):
    """A panoptic map and its K instances, in the order of their peaks.

    Attributes:
        panoptic: (H, W) int32, label + 1000 * instance (from 1; 0 for stuff); void is C.
        sem_seg: (H, W) uint8 in [0, C).
        labels: (K,) int64 in [0, C_th).
        scores: (K,) float in [0, 1], peak x mean semantic probability inside the mask.
        panoptic_ids: (K,) int64, the instance's value in ``panoptic``.
        centroids: (K, 2) float xy, the peak in pixels of the original image.
        peaks: (K,) int64, which of the peaks each instance has.
        embeddings: (K, D) float, O, where instances have one.
    """

    panoptic: Tensor
    sem_seg: Tensor
    labels: Tensor
    scores: Tensor
    panoptic_ids: Tensor
    centroids: Tensor
    peaks: Tensor
    embeddings: Tensor | None = None


@in_steps
def sized_groups(owners: Tensor, num_peaks: int) -> Steps[Groups]:
    """Count the pixels of each peak.

    Args:
        owners: (N,) int64 in [0, K), the peak that each thing pixel joins; -1 for none.
        num_peaks: K.

    Returns:
        The groups.

    Example:
        >>> groups = sized_groups(torch.tensor([2, -1, 0, 2]), num_peaks=3)
        >>> groups.sizes, groups.occupied
        (tensor([1, 0, 2]), tensor([0, 2]))
    """
    # Pixels of no peak come behind the last one.
    sizes = count_by(owners.masked_fill(owners < 0, num_peaks), num_peaks + 1)[:num_peaks]
    occupied = yield from select(sizes > 0)
    return Groups(owners, sizes, occupied)


def merge_segments(
    semantics: Semantics,
    groups: Groups,
    peaks: Peaks,
    cells: BilinearCells,
    num_classes: int,
    num_things_classes: int,
    stuff_area: int,
) -> PanopticResult:
    """Write the panoptic map: grouped things, stuff that is large enough, void elsewhere.

    Args:
        semantics: Semantic decision.
        groups: Peak that each thing pixel belongs to; pixels of none become void.
        peaks: Peaks of K instances; those that got no pixel are left out.
        cells: Mapping from the maps to the original image.
        num_classes: C, also the void label.
        num_things_classes: C_th.
        stuff_area: A stuff class with fewer pixels than this becomes void.

    Returns:
        The panoptic map and its instances.

    Example:
        >>> from einet.functional.resize import Shapes
        >>> result = merge_segments(
        ...     Semantics(
        ...         labels=torch.tensor([[0, 0, 1, 1]], dtype=torch.uint8),
        ...         thing_pixels=torch.tensor([0, 1]),
        ...         thing_labels=torch.tensor([0, 0]),
        ...         thing_probabilities=torch.tensor([0.5, 1.0]),
        ...     ),
        ...     groups=sized_groups(torch.tensor([0, 1]), num_peaks=2),
        ...     peaks=Peaks(
        ...         xy=torch.tensor([[0, 0], [1, 0]]),
        ...         labels=torch.tensor([0, 0]),
        ...         scores=torch.tensor([0.9, 0.8]),
        ...     ),
        ...     cells=BilinearCells((1, 4), Shapes((1, 4), (1, 4), (1, 4)), like=torch.ones(1)),
        ...     num_classes=2,
        ...     num_things_classes=1,
        ...     stuff_area=1,
        ... )
        >>> result.panoptic
        tensor([[1000, 2000,    1,    1]], dtype=torch.int32)
        >>> result.scores
        tensor([0.4500, 0.8000])
    """
    labels = semantics.labels.flatten().int()
    values = torch.arange(num_classes, dtype=torch.int32, device=labels.device)
    values[:num_things_classes] = num_classes
    values.masked_fill_(count_by(labels, num_classes) < stuff_area, num_classes)
    panoptic = values[labels]

    owners, sizes, kept = groups
    ids = peaks.labels + INSTANCE_OFFSET * (sizes > 0).cumsum(0)
    # Owner -1, no peak, reads the last value: void.
    panoptic[semantics.thing_pixels] = F.pad(ids, (0, 1), value=num_classes).int()[owners]

    # A mask may have a million pixels: too many for a float32 sum.
    sums = torch.zeros(len(sizes) + 1, dtype=torch.float64, device=labels.device)
    places = owners.masked_fill(owners < 0, len(sizes))
    sums.index_add_(0, places, semantics.thing_probabilities.double())
    return PanopticResult(
        panoptic=panoptic.view_as(semantics.labels),
        sem_seg=semantics.labels,
        labels=peaks.labels[kept],
        scores=peaks.scores[kept] * (sums[kept] / sizes[kept]).to(peaks.scores),
        panoptic_ids=ids[kept],
        centroids=cells.to_image(peaks.xy[kept]),
        peaks=kept,
    )
