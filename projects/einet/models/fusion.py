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

from ..functional.grouping import Semantics, are_distinct, group_pixels
from ..functional.heatmap import Peaks, find_peaks
from ..functional.image_maps import ImageMaps, image_maps
from ..functional.merging import Groups, PanopticResult, merge_segments, sized_groups
from ..functional.resize import Shapes
from ..functional.steps import Steps, count_by, finish, select, selected, side_by_side
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
            are up to ``top_k`` peaks per thing class. ``'vote'``: peaks are sought in one map, of
            each cell's own class, every thing pixel joins the most probable, and an instance has
            the class of most of its pixels; so an object whose pixels are of two minds stays
            whole. There are up to ``top_k`` peaks per image.
        class_weight: What the semantics count beside the embedding when pixels join a peak by
            ``'vote'``, see :meth:`einet.functional.image_maps.ImageMaps.score_maps`: the variance
            of an instance's embedding. 0: the nearest peak, whatever the classes.
        max_distance: What ``'vote'`` does with pixels whose own class has no peak in the image:
            they join an instance whose centroid embedding is at most this far, root mean square
            over the views, or become void. ``InstancePushLoss.delta_d`` is a good value: half the
            least distance of two instances. None: they join, however far.
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
        max_distance: float | None = None,
        min_peak_distance: float = 0.0,
    ) -> None:
        super().__init__(
            num_things_classes, num_stuff_classes, kernel_size, peak_threshold, top_k, stuff_area
        )
        if grouping not in GROUPINGS:
            raise ValueError(
                f'{type(self).__name__}: grouping must be one of {GROUPINGS}, got {grouping!r}'
            )
        for key, value in dict(
            class_weight=class_weight,
            max_distance=max_distance or 0.0,
            min_peak_distance=min_peak_distance,
        ).items():
            if value < 0:
                raise ValueError(f'{type(self).__name__}: {key} must not be negative, got {value}')
        self.grouping = grouping
        self.class_weight = class_weight
        self.max_distance = max_distance
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
        maps = self._maps(outputs)
        grouping = self._group(image_maps(**maps, shapes=shapes))
        _, result = finish(side_by_side(self.check_finite(maps), grouping))
        return result

    @torch.no_grad()
    def group(self, maps: ImageMaps) -> PanopticResult:
        """Segment the image that maps, or several views, show: :meth:`forward` without its checks.

        Args:
            maps: Of one image.

        Returns:
            The panoptic map and its instances, with their embeddings; several views' side by side.
        """
        return finish(self._group(maps))

    def _group(self, maps: ImageMaps) -> Steps[PanopticResult]:
        find = self._by_class if self.grouping == 'class' else self._by_vote
        peaks, semantics, groups = yield from find(maps)
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

    def _by_class(self, maps: ImageMaps) -> Steps[tuple[Peaks, Semantics, Groups]]:
        """Peaks, semantics, and the peak of every thing pixel: each class by itself."""
        semantics, (peaks, per_class) = yield from side_by_side(
            maps.decide(), self._peaks(maps, maps.heatmap_logits, maps.cell_labels)
        )
        owners = yield from self._owners(
            maps, peaks, per_class, semantics.thing_pixels, semantics.thing_labels
        )
        groups = yield from sized_groups.steps(owners, len(peaks.labels))
        return peaks, semantics, groups

    def _by_vote(self, maps: ImageMaps) -> Steps[tuple[Peaks, Semantics, Groups]]:
        """Peaks, semantics, and the peak of every thing pixel: all classes together."""
        is_stuff = maps.cell_labels >= self.num_things_classes
        own_channel = maps.cell_labels.masked_fill(is_stuff, 0)
        heatmap = maps.heatmap_logits.gather(0, own_channel[None])
        semantics, (peaks, count) = yield from side_by_side(
            maps.decide(), self._peaks(maps, heatmap.masked_fill(is_stuff, float('-inf')))
        )
        pixels = semantics.thing_pixels
        owners, strays = yield from side_by_side(
            self._owners(maps, peaks, count, pixels, torch.zeros_like(pixels), self.class_weight),
            self._strays(maps, peaks, semantics.thing_labels),
        )
        if self.max_distance is not None:
            joined = owners[strays]
            distances = maps.distances(pixels[strays], peaks.xy[joined])
            owners[strays] = joined.masked_fill(distances > self.max_distance, -1)
        labels = majority_labels(
            owners, semantics.thing_labels, len(peaks.labels), self.num_things_classes
        )
        semantics, groups = yield from side_by_side(
            relabel.steps(semantics, owners, labels, maps.probability),
            sized_groups.steps(owners, len(peaks.labels)),
        )
        return peaks._replace(labels=labels), semantics, groups

    def _peaks(
        self, maps: ImageMaps, heatmap_logits: Tensor, cell_labels: Tensor | None = None
    ) -> Steps[tuple[Peaks, list[int]]]:
        """Peaks of each channel, where the cells have its label if given; how many in each."""
        peaks = yield from find_peaks.steps(
            heatmap_logits.sigmoid(),
            kernel_size=self.kernel_size,
            threshold=self.peak_threshold,
            top_k=self.top_k,
            labels=cell_labels,
            valid=maps.shapes.valid_cells(maps.cells.map_shape),
            ranking=heatmap_logits,
        )
        keep = torch.ones_like(peaks.labels, dtype=torch.bool)
        if self.min_peak_distance:
            keep = are_distinct(peaks, maps.at(peaks.xy), self.min_peak_distance)
        counts = yield count_by(peaks.labels, len(heatmap_logits), weights=keep)
        kept = selected(keep, sum(counts))
        return Peaks(*(values[kept] for values in peaks)), counts

    def _owners(
        self,
        maps: ImageMaps,
        peaks: Peaks,
        per_label: list[int],
        pixels: Tensor,
        labels: Tensor,
        class_weight: float = 0.0,
    ) -> Steps[Tensor]:
        """The peak, of those of its label, that every pixel joins; -1 where there is none."""
        owners = torch.empty_like(pixels)
        for part, scores, cells in maps.score_bands(peaks.xy, pixels, class_weight):
            owners[part] = yield from group_pixels.steps(
                scores, per_label, cells, pixels[part], labels[part]
            )
        return owners

    def _strays(self, maps: ImageMaps, peaks: Peaks, labels: Tensor) -> Steps[Tensor]:
        """Which of the thing pixels with these labels have no peak of their class."""
        if self.max_distance is None or len(peaks.xy) == 0:
            return labels.new_empty(0)
        x, y = peaks.xy.unbind(1)
        has_peak = torch.zeros(self.num_things_classes, dtype=torch.bool, device=labels.device)
        has_peak.index_fill_(0, maps.cell_labels[y, x], True)
        strays = yield from select(~has_peak[labels])
        return strays

    def checked(self, outputs: EINetOutputs) -> dict[str, Tensor]:
        """The maps that are read, by name, in float32.

        Raises:
            ValueError: A map has NaN or infinite values, or another number of classes.
        """
        maps = self._maps(outputs)
        finish(self.check_finite(maps))
        return maps

    def _maps(self, outputs: EINetOutputs) -> dict[str, Tensor]:
        maps = {
            'semantic_logits': outputs.semantic_logits,
            'heatmap_logits': outputs.heatmap_logits,
            'instance_embedding': outputs.instance_embedding,
        }
        channels = (self.num_classes, self.num_things_classes, len(outputs.instance_embedding))
        return self.checked_maps(maps, channels)
