"""The panoptic fusion as one graph: the decisions of `functional/` without Python's control flow.

What an exporter records must not branch on values. So there is a fixed number of slots for peaks,
of which some stay empty; all images of a batch go together, and their pixels are flat indices.

Shape shorthand:
    B: images of a batch
    C: categories, C_th of them things (first)
    G: channels of the heatmap, C_th or 1
    D: embedding width
    K: slots for peaks
    h, w: network's maps
    H, W: original image
    P: pixels that are, or may be, things
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..functional.heatmap import first_of_window
from .grid import Grid


class Slots(NamedTuple):
    """Peaks in the order of :class:`einet.functional.heatmap.Peaks`, with empty slots between.

    Attributes:
        cells: (B, K) int64, flat index of each peak's cell.
        labels: (B, K) int64 in [0, G).
        scores: (B, K) float, the heatmap's value.
        used: (B, K) bool, whether a peak is in the slot.
    """

    cells: Tensor
    labels: Tensor
    scores: Tensor
    used: Tensor


class Pixels(NamedTuple):
    """Pixels that are things, or may be.

    Attributes:
        index: (P,) int64, flat in the batch.
        image: (P,) int64 in [0, B).
        labels: (P,) int64 in [0, C).
        logits: (P, C) float.
    """

    index: Tensor
    image: Tensor
    labels: Tensor
    logits: Tensor


def find_slots(
    heatmap_logits: Tensor,
    cell_labels: Tensor,
    valid: Tensor,
    kernel_size: int,
    threshold: float,
    top_k: int,
    num_slots: int,
) -> Slots:
    """The peaks of :func:`einet.functional.heatmap.find_peaks`, or the strongest K of them.

    Args:
        heatmap_logits: (B, G, h, w) float.
        cell_labels: (B, h, w) int64; a peak of channel g stays only where it is g.
        valid: (h, w) bool, cells that are not padding.
        kernel_size: Side of the window in cells.
        threshold: Peaks have a probability above it.
        top_k: Peaks kept per channel, before the labels are asked.
        num_slots: K; there are G * top_k slots if that is less.
    """
    channels, (height, width) = heatmap_logits.shape[1], heatmap_logits.shape[-2:]
    nothing = float('-inf')
    logits = heatmap_logits.masked_fill(~valid, nothing)
    is_first = first_of_window(logits.flatten(0, 1), kernel_size).view_as(logits)
    is_peak = is_first & valid & (logits.sigmoid() > threshold)
    # A small map may have fewer cells than slots.
    ranking = F.pad(logits.masked_fill(~is_peak, nothing).flatten(2), (0, top_k), value=nothing)
    best, cells = ranking.topk(top_k, dim=2)
    cells = cells.clamp(max=height * width - 1)
    label_there = cell_labels.flatten(1)[:, None].expand(-1, channels, -1).gather(2, cells)
    channel = torch.arange(channels, device=cells.device)[:, None]
    best = best.masked_fill(label_there != channel, nothing).flatten(1)
    labels = channel.expand(channels, top_k).flatten().expand_as(best)
    cells = cells.flatten(1)
    if channels * top_k > num_slots:
        # The strongest, then by class again.
        kept = best.topk(num_slots, dim=1).indices.sort(dim=1).values
        best, labels, cells = (values.gather(1, kept) for values in (best, labels, cells))
    return Slots(cells, labels, best.sigmoid(), best > nothing)


def drop_near(slots: Slots, embeddings: Tensor, min_distance: float) -> Slots:
    """Of peaks that are nearer than this the strongest, as ``are_distinct`` in `functional/`.

    Args:
        slots: Peaks.
        embeddings: (B, K, D) float, the embeddings at the peaks.
        min_distance: Distance from which peaks are two.
    """
    values = embeddings.double()
    norms = values.square().sum(dim=2)
    squared = norms[:, :, None] + norms[:, None] - 2 * values @ values.transpose(1, 2)
    count = slots.labels.shape[1]
    order = torch.arange(count, device=values.device)
    is_stronger = (order < order[:, None]) & (slots.labels[:, None] == slots.labels[:, :, None])
    is_near = squared < min_distance**2
    covered = (is_near & is_stronger & slots.used[:, None]).any(dim=2)
    return slots._replace(used=slots.used & ~covered)


def add_classes(scores: Tensor, logits: Tensor, cell_labels: Tensor, slots: Slots) -> Tensor:
    """Add what the semantics say of each slot's class to the score maps.

    Args:
        scores: (B, h, w, K) float, from :func:`score_maps`.
        logits: (B, h, w, C) float, of the semantics, with their weight.
        cell_labels: (B, h, w) int64; a slot's class is that of its cell.
        slots: Peaks.

    Returns:
        (B, h, w, K) float.
    """
    classes = cell_labels.flatten(1).gather(1, slots.cells)[:, None, None]
    return scores + logits.gather(3, classes.expand_as(scores))


def score_maps(embedding: Tensor, centroids: Tensor, used: Tensor) -> Tensor:
    """How near each cell is to each peak: :func:`einet.functional.grouping.score_maps`.

    Args:
        embedding: I, (B, D, h, w) float.
        centroids: (B, K, D) float, I at the peaks.
        used: (B, K) bool.

    Returns:
        (B, h, w, K) float; those of empty slots mean nothing.
    """
    share = used[:, :, None] / used.sum(dim=1).clamp(min=1)[:, None, None]
    mean = (centroids * share).sum(dim=1, keepdim=True)
    centered = centroids - mean
    bias = -0.5 * centered.square().sum(dim=2)[:, None]
    moved = embedding.permute(0, 2, 3, 1).flatten(1, 2) - mean
    scores = moved @ centered.transpose(1, 2) + bias
    return scores.unflatten(1, embedding.shape[-2:])


def semantic_pixels(
    logits: Tensor, cell_labels: Tensor, grid: Grid, num_things_classes: int
) -> tuple[Tensor, Pixels]:
    """Label every pixel by its largest upsampled logit.

    Args:
        logits: (B, h, w, C) float.
        cell_labels: (B, h, w) int64, the largest of each cell.
        grid: Where pixels read the maps.
        num_things_classes: C_th.

    Returns:
        Labels (B, H, W) int64, and the pixels that are things or lie on a border.
    """
    undecided = logits.shape[3]
    labels = grid.expand(cell_labels.masked_fill(~grid.unanimous(cell_labels), undecided))
    flat = labels.flatten()
    index = ((flat < num_things_classes) | (flat == undecided)).nonzero().squeeze(1)
    values = grid.sample(logits, index)
    chosen = values.argmax(dim=1)
    pixels = Pixels(index, grid.split(index)[0], chosen, values)
    return flat.scatter(0, index, chosen).view_as(labels), pixels


def nearest_slots(
    scores: Tensor, allowed: Tensor, cell_labels: Tensor, grid: Grid, pixels: Pixels
) -> Tensor:
    """The slot that each pixel joins, of those that its label allows.

    Args:
        scores: (B, h, w, K) float, from :func:`score_maps`.
        allowed: (B, C, K) bool, slots that pixels of each label may join.
        cell_labels: (B, h, w) int64.
        grid: Where pixels read the maps.
        pixels: Those that look for a slot.

    Returns:
        (P,) int64 in [0, K), the lowest among equals; any where no slot is allowed.
    """
    nothing = float('-inf')
    image = torch.arange(scores.shape[0], device=scores.device)[:, None, None]
    corner = scores.masked_fill(~allowed[image, cell_labels], nothing).argmax(dim=3)
    # Where the label differs within a cell, so do the slots that are allowed.
    decided = grid.unanimous(corner) & grid.unanimous(cell_labels)
    nearest = grid.expand(corner).flatten()[pixels.index]
    border = (~grid.expand(decided).flatten()[pixels.index]).nonzero().squeeze(1)
    values = grid.sample(scores, pixels.index[border])
    may = allowed[pixels.image[border], pixels.labels[border]]
    return nearest.scatter(0, border, values.masked_fill(~may, nothing).argmax(dim=1))


def classes_with_peaks(slots: Slots, cell_labels: Tensor, num_classes: int) -> Tensor:
    """Which classes the cells of an image's peaks have: (B, C) bool.

    Args:
        slots: Peaks.
        cell_labels: (B, h, w) int64.
        num_classes: C.
    """
    classes = cell_labels.flatten(1).gather(1, slots.cells)
    counts = classes.new_zeros(classes.shape[0], num_classes)
    return counts.scatter_add(1, classes, slots.used.long()) > 0


def drop_far_strays(
    grouped: Tensor,
    pixels: Pixels,
    nearest: Tensor,
    embedding: Tensor,
    centroids: Tensor,
    has_peak: Tensor,
    grid: Grid,
    max_distance: float,
) -> Tensor:
    """Leave out pixels far from what they joined, if their own class has no peak.

    Args:
        grouped: (P,) bool, pixels that join a slot.
        pixels: Those that look for a slot.
        nearest: (P,) int64 in [0, K), from :func:`nearest_slots`.
        embedding: I, (B, D, h, w) float.
        centroids: (B, K, D) float, I at the peaks.
        has_peak: (B, C) bool.
        grid: Where pixels read the maps.
        max_distance: Largest distance of a pixel's embedding from its slot's.

    Returns:
        (P,) bool, pixels that still join.
    """
    stray = (grouped & ~has_peak[pixels.image, pixels.labels]).nonzero().squeeze(1)
    own = grid.sample(embedding.permute(0, 2, 3, 1), pixels.index[stray])
    joined = centroids[pixels.image[stray], nearest[stray]]
    is_far = (own - joined).square().sum(dim=1) > max_distance**2
    far = torch.zeros_like(nearest).scatter(0, stray, is_far.long()) > 0
    return grouped & ~far


def sum_by(index: Tensor, values: Tensor, size: int) -> Tensor:
    """Sum values (P,) by their index in [0, size): (size,)."""
    return values.new_zeros(size).scatter_add(0, index, values)
