"""EINet's fusion for a batch, as one graph that an exporter can record.

Shape shorthand:
    B: images of a batch
    C: categories, C_th of them things (first)
    D: embedding width
    K: slots for peaks
    h, w: network's maps
    H, W: original image
    P: pixels that are, or may be, things
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..models.fusion import EmbeddingPanopticFusion
from ..structures.limits import INSTANCE_OFFSET
from .grid import Grid
from .grouping import (
    Pixels,
    Slots,
    add_classes,
    classes_with_peaks,
    drop_far_strays,
    drop_near,
    find_slots,
    nearest_slots,
    score_maps,
    semantic_pixels,
    sum_by,
)


class PanopticBatch(NamedTuple):
    """Panoptic maps of a batch, and their things.

    Attributes:
        panoptic_seg: (B, H, W) int32, label + 1000 * instance (from 1; 0 for stuff); void is C.
        labels: (B, K) int64 in [0, C_th).
        scores: (B, K) float in [0, 1].
        panoptic_ids: (B, K) int64, the instance's value in ``panoptic_seg``; 0 in empty slots.
    """

    panoptic_seg: Tensor
    labels: Tensor
    scores: Tensor
    panoptic_ids: Tensor


class BatchFusion(nn.Module):
    """What an :class:`EmbeddingPanopticFusion` does, for images of one size.

    Args:
        fusion: Gives the options.
        max_peaks: K at most; where the heatmap has more peaks, the strongest count.
    """

    def __init__(self, fusion: EmbeddingPanopticFusion, max_peaks: int) -> None:
        super().__init__()
        self.options = fusion
        self.max_peaks = max_peaks
        self.num_classes = fusion.num_classes
        self.num_things_classes = fusion.num_things_classes
        self.by_class = fusion.grouping == 'class'

    def forward(
        self, semantic_logits: Tensor, heatmap_logits: Tensor, embedding: Tensor, grid: Grid
    ) -> PanopticBatch:
        """Segment a batch.

        Args:
            semantic_logits: (B, C, h, w) float.
            heatmap_logits: (B, C_th, h, w) float.
            embedding: I, (B, D, h, w) float.
            grid: Where the pixels of the result read the maps.
        """
        # Channels last: what belongs to a cell is read together.
        logits = semantic_logits.permute(0, 2, 3, 1).contiguous()
        cell_labels = logits.argmax(dim=3)
        slots = self._find_slots(heatmap_logits, cell_labels, grid)
        index = slots.cells[:, None].expand(-1, embedding.shape[1], -1)
        centroids = embedding.flatten(2).gather(2, index).transpose(1, 2)
        if self.options.min_peak_distance:
            slots = drop_near(slots, centroids, self.options.min_peak_distance)
        labels, pixels = semantic_pixels(logits, cell_labels, grid, self.num_things_classes)
        allowed = self._allowed(slots)
        scores = score_maps(embedding, centroids, slots.used)
        if not self.by_class and self.options.class_weight:
            weighted = self.options.class_weight * logits
            scores = add_classes(scores, weighted, cell_labels, slots)
        nearest = nearest_slots(scores, allowed, cell_labels, grid, pixels)
        grouped = allowed.any(dim=2)[pixels.image, pixels.labels]
        if not self.by_class and self.options.max_distance is not None:
            grouped = drop_far_strays(
                grouped,
                pixels,
                nearest,
                embedding,
                centroids,
                classes_with_peaks(slots, cell_labels, self.num_classes),
                grid,
                self.options.max_distance,
            )
        return self._merge(labels, pixels, nearest, slots, grouped)

    def _find_slots(self, heatmap_logits: Tensor, cell_labels: Tensor, grid: Grid) -> Slots:
        """Peaks of every class, or of all classes together."""
        if not self.by_class:
            # Cells of stuff are below all others, and have no channel.
            is_stuff = cell_labels >= self.num_things_classes
            own_channel = cell_labels.masked_fill(is_stuff, 0)
            heatmap_logits = heatmap_logits.gather(1, own_channel[:, None])
            heatmap_logits = heatmap_logits.masked_fill(is_stuff[:, None], float('-inf'))
            cell_labels = is_stuff.long()
        return find_slots(
            heatmap_logits,
            cell_labels,
            grid.valid,
            kernel_size=self.options.kernel_size,
            threshold=self.options.peak_threshold,
            top_k=self.options.top_k,
            num_slots=self.max_peaks,
        )

    def _allowed(self, slots: Slots) -> Tensor:
        """Which slots the pixels of each label may join: (B, C, K) bool."""
        classes = torch.arange(self.num_classes, device=slots.labels.device)[:, None]
        if self.by_class:
            return slots.used[:, None] & (slots.labels[:, None] == classes)
        return slots.used[:, None] & (classes < self.num_things_classes)

    def _merge(
        self, labels: Tensor, pixels: Pixels, nearest: Tensor, slots: Slots, grouped: Tensor
    ) -> PanopticBatch:
        """Write things over stuff that is large enough, as ``merge_segments`` in `functional/`."""
        batch, num_slots = slots.used.shape
        owner = pixels.image * num_slots + nearest
        slot_labels = slots.labels if self.by_class else self._vote(pixels, owner, grouped, slots)
        label = torch.where(grouped, slot_labels.flatten()[owner], pixels.labels)
        own = pixels.logits.gather(1, label[:, None])
        # The softmax of that label; `logsumexp` cannot be recorded for an unknown number of pixels.
        probability = (pixels.logits - own).exp().sum(dim=1).reciprocal()

        sizes = sum_by(owner, grouped.long(), batch * num_slots).view(batch, num_slots)
        sums = sum_by(owner, (probability * grouped).double(), batch * num_slots).view_as(sizes)
        ids = slot_labels + INSTANCE_OFFSET * (sizes > 0).cumsum(dim=1)
        ids = ids.masked_fill(sizes == 0, 0)
        panoptic = self._stuff(labels).flatten()
        values = torch.where(grouped, ids.flatten()[owner], panoptic[pixels.index])
        return PanopticBatch(
            panoptic_seg=panoptic.scatter(0, pixels.index, values).view_as(labels).int(),
            labels=slot_labels,
            scores=slots.scores * (sums / sizes.clamp(min=1)).float(),
            panoptic_ids=ids,
        )

    def _vote(self, pixels: Pixels, owner: Tensor, grouped: Tensor, slots: Slots) -> Tensor:
        """The most frequent label of every slot's pixels, (B, K), the lowest among equals."""
        things = self.num_things_classes
        cast = owner * things + pixels.labels.clamp(max=things - 1)
        votes = sum_by(cast, grouped.long(), slots.used.numel() * things)
        return votes.view(*slots.used.shape, things).argmax(dim=2)

    def _stuff(self, labels: Tensor) -> Tensor:
        """The labels (B, H, W) of stuff that is large enough; void, C, elsewhere."""
        batch, classes = labels.shape[0], self.num_classes
        image = torch.arange(batch, device=labels.device)[:, None, None]
        index = (image * classes + labels).flatten()
        areas = sum_by(index, torch.ones_like(index), batch * classes).view(batch, classes)
        label = torch.arange(classes, device=labels.device)
        is_void = (label < self.num_things_classes) | (areas < self.options.stuff_area)
        values = torch.where(is_void, classes, label)
        return values.flatten()[index].view_as(labels)
