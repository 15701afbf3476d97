"""The panoptic fusion: network maps of one image to its panoptic result (paper, inference).

Shape shorthand:
    C: categories, C_th of them things (first)
    D: embedding width
    h, w: maps at stride 4
"""

from __future__ import annotations

import torch
from mmdet.registry import MODELS
from torch import Tensor

from ..functional.grouping import (
    PanopticResult,
    Semantics,
    distinct_peaks,
    group_pixels,
    largest_map,
    merge_segments,
)
from ..functional.heatmap import Peaks, find_peaks
from ..functional.image_maps import ImageMaps, image_maps
from ..functional.resize import Shapes
from ..functional.voting import majority_labels, relabel
from .fusion_base import PanopticFusion
from .outputs import EINetOutputs

GROUPINGS = ('class', 'vote')


@MODELS.register_module()
class EmbeddingPanopticFusion(PanopticFusion):
    """Group thing pixels around the peaks of the centroid heatmap, Eq. (9).

    The other arguments are those of :class:`PanopticFusion`, the defaults the paper's:
    ``kernel_size`` in pixels at stride 4.

    Args:
        grouping: ``'class'``, the paper's: the peaks of each thing class are sought in its own
            channel and get the pixels of that class; a class without a peak becomes void. There
            are up to ``top_k`` peaks per thing class. ``'vote'``: peaks are sought in the maximum
            of all channels, every thing pixel joins the most probable, and an instance has the
            class of most of its pixels; so an object whose pixels are of two minds stays whole.
            There are up to ``top_k`` peaks per image.
        class_weight: What the semantics count beside the embedding when pixels join a peak by
            ``'vote'``, see :meth:`einet.functional.image_maps.ImageMaps.score_maps`: the variance
            of an instance's embedding. 0: the nearest peak, whatever the classes.
        min_peak_distance: Peaks of a channel whose embeddings are nearer than this are one
            instance, and the strongest stands for it; half of ``InstancePushLoss.delta_d`` is a
            good value. 0, the paper's, leaves that to the window alone.
    """

    def __init__(
        self,
        num_things_classes: int,
        num_stuff_classes: int,
        kernel_size: int = 8,
        peak_threshold: float = 0.3,
        top_k: int = 30,
        stuff_area: int = 4096,
        grouping: str = 'class',
        class_weight: float = 0.0,
        min_peak_distance: float = 0.0,
    ) -> None:
        super().__init__(
            num_things_classes, num_stuff_classes, kernel_size, peak_threshold, top_k, stuff_area
        )
        if grouping not in GROUPINGS:
            raise ValueError(
                f'{type(self).__name__}: grouping must be one of {GROUPINGS}, got {grouping!r}'
            )
        self.grouping = grouping
        self.class_weight = class_weight
        self.min_peak_distance = min_peak_distance

    @torch.no_grad()
    def forward(self, outputs: EINetOutputs, shapes: Shapes) -> PanopticResult:
        """Segment one image. Computes in float32, also for half-precision maps.

        Args:
            outputs: Maps of the image. Read are ``semantic_logits`` (C, h, w), ``heatmap_logits``
                (C_th, h, w) and ``instance_embedding`` (D, h, w).
            shapes: Sizes of the network's input, of the image inside it and of the result.

        Returns:
            The panoptic map and its instances.

        Raises:
            ValueError: A map has NaN or infinite values, or another number of classes.
        """
        return self.group(image_maps(**self.checked(outputs), shapes=shapes))

    @torch.no_grad()
    def group(self, maps: ImageMaps) -> PanopticResult:
        """Peaks, the pixels of each, and what remains: the second half of :meth:`forward`.

        Args:
            maps: What one image's maps, or several views of it, say.

        Returns:
            The panoptic map and its instances, with their embeddings; several views' side by side.
        """
        by_class = self.grouping == 'class'
        peaks, semantics, groups = self._by_class(maps) if by_class else self._by_vote(maps)
        result = merge_segments(
            semantics,
            groups,
            peaks,
            maps.cells,
            self.num_classes,
            self.num_things_classes,
            self.stuff_area,
        )
        embeddings = torch.cat(maps.at(peaks.xy[result.peaks]), dim=1)
        return result._replace(embeddings=embeddings)

    def _by_class(self, maps: ImageMaps) -> tuple[Peaks, Semantics, Tensor]:
        """Peaks, semantics, and the peak of every thing pixel: each class by itself."""
        semantics = maps.semantics
        peaks = self._peaks(maps, maps.heatmap_logits, maps.cell_labels)
        pixels, labels = semantics.thing_pixels, semantics.thing_labels
        groups = torch.full_like(pixels, -1)
        for part, scores, cells in maps.score_bands(peaks.xy, pixels):
            groups[part] = group_pixels(scores, peaks.labels, cells, pixels[part], labels[part])
        return peaks, semantics, groups

    def _by_vote(self, maps: ImageMaps) -> tuple[Peaks, Semantics, Tensor]:
        """Peaks, semantics, and the peak of every thing pixel: all classes together."""
        semantics = maps.semantics
        # One channel for things, whatever their class, which takes label 0; stuff gets label 1.
        heatmap = maps.heatmap_logits.amax(dim=0, keepdim=True)
        is_stuff = (maps.cell_labels >= self.num_things_classes).long()
        peaks = self._peaks(maps, heatmap, is_stuff)
        if len(peaks.labels) == 0:
            return peaks, semantics, torch.full_like(semantics.thing_pixels, -1)
        groups = torch.empty_like(semantics.thing_pixels)
        bands = maps.score_bands(peaks.xy, semantics.thing_pixels, self.class_weight)
        for part, scores, cells in bands:
            groups[part] = largest_map(scores, cells, semantics.thing_pixels[part])
        labels = majority_labels(
            groups, semantics.thing_labels, len(peaks.labels), self.num_things_classes
        )
        semantics = relabel(semantics, groups, labels, maps.probability)
        return peaks._replace(labels=labels), semantics, groups

    def _peaks(self, maps: ImageMaps, heatmap_logits: Tensor, cell_labels: Tensor) -> Peaks:
        """Peaks of a heatmap where the cells' labels are those of its channels."""
        peaks = find_peaks(
            heatmap_logits.sigmoid(),
            kernel_size=self.kernel_size,
            threshold=self.peak_threshold,
            top_k=self.top_k,
            labels=cell_labels,
            valid=maps.shapes.valid_cells(maps.cells.map_shape),
            ranking=heatmap_logits,
        )
        if not self.min_peak_distance:
            return peaks
        return distinct_peaks(peaks, maps.at(peaks.xy), self.min_peak_distance)

    def checked(self, outputs: EINetOutputs) -> dict[str, Tensor]:
        """The maps that are read, by name, in float32.

        Raises:
            ValueError: A map has NaN or infinite values, or another number of classes.
        """
        maps = {
            'semantic_logits': outputs.semantic_logits,
            'heatmap_logits': outputs.heatmap_logits,
            'instance_embedding': outputs.instance_embedding,
        }
        channels = (self.num_classes, self.num_things_classes, len(outputs.instance_embedding))
        return self.checked_maps(maps, channels)
