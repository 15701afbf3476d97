"""The panoptic fusion: network maps of one image to its panoptic result (paper, inference)."""

from __future__ import annotations

import torch
from mmdet.registry import MODELS
from torch import Tensor

from ..functional.grouping import (
    PanopticResult,
    group_pixels,
    merge_segments,
)
from ..functional.heatmap import find_peaks
from ..functional.image_maps import ImageMaps, image_maps
from ..functional.resize import Shapes
from .fusion_base import PanopticFusion
from .outputs import EINetOutputs


@MODELS.register_module()
class EmbeddingPanopticFusion(PanopticFusion):
    """Group the pixels of every thing class around the peaks of its centroid heatmap, Eq. (9).

    A thing class without a peak becomes void. The arguments are those of :class:`PanopticFusion`,
    the defaults the paper's: ``kernel_size`` in pixels at stride 4, ``top_k`` per thing class.
    """

    def __init__(
        self,
        num_things_classes: int,
        num_stuff_classes: int,
        kernel_size: int = 8,
        peak_threshold: float = 0.3,
        top_k: int = 30,
        stuff_area: int = 4096,
    ) -> None:
        super().__init__(
            num_things_classes, num_stuff_classes, kernel_size, peak_threshold, top_k, stuff_area
        )

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
            The panoptic map and its instances.
        """
        cells, semantics = maps.cells, maps.semantics
        peaks = find_peaks(
            maps.heatmap_logits.sigmoid(),
            kernel_size=self.kernel_size,
            threshold=self.peak_threshold,
            top_k=self.top_k,
            labels=maps.cell_labels,
            valid=maps.shapes.valid_cells(cells.map_shape),
            ranking=maps.heatmap_logits,
        )
        groups = group_pixels(
            maps.score_maps(peaks.xy),
            peaks.labels,
            cells,
            semantics.thing_pixels,
            semantics.thing_labels,
        )
        return merge_segments(
            semantics,
            groups,
            peaks,
            cells,
            self.num_classes,
            self.num_things_classes,
            self.stuff_area,
        )

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
