"""Panoptic-DeepLab's fusion: network maps of one image to its panoptic result.

Shape shorthand:
    C: categories, C_th of them things (first)
    h, w: maps at stride 4
"""

from __future__ import annotations

from functools import partial

import torch
from mmdet.registry import MODELS
from torch import Tensor

from ..functional.grouping import semantic_decision
from ..functional.heatmap import find_peaks
from ..functional.merging import PanopticResult, merge_segments, sized_groups
from ..functional.resize import BilinearCells, Shapes, resize_maps
from ..functional.steps import Steps, finish, side_by_side
from ..functional.voting import majority_labels, relabel, softmax_at
from ..models.fusion_base import PanopticFusion
from .offsets import group_by_offsets
from .outputs import PanopticDeepLabOutputs


@MODELS.register_module()
class OffsetPanopticFusion(PanopticFusion):
    """Give every thing pixel, moved by its offset, to the nearest center (Cheng et al., CVPR 2020).

    Semantics, heatmap and offsets are upsampled to the original image and decided there, as in
    the original. An instance has the class of most of its pixels. An image without any center has
    void in place of things.

    The arguments are those of :class:`PanopticFusion`, the defaults the authors': ``kernel_size``
    in pixels of the original image (in later code 13 on Cityscapes and 41 on COCO), ``top_k`` per
    image.
    """

    def __init__(
        self,
        num_things_classes: int,
        num_stuff_classes: int,
        kernel_size: int = 7,
        peak_threshold: float = 0.1,
        top_k: int = 200,
        stuff_area: int = 4096,
    ) -> None:
        super().__init__(
            num_things_classes, num_stuff_classes, kernel_size, peak_threshold, top_k, stuff_area
        )

    @torch.no_grad()
    def forward(self, outputs: PanopticDeepLabOutputs, shapes: Shapes) -> PanopticResult:
        """Segment one image. Computes in float32, also for half-precision maps.

        Args:
            outputs: Maps of the image: ``semantic_logits`` (C, h, w), ``heatmap_logits`` (1, h, w)
                and ``offsets`` (2, h, w), xy in pixels of the network's input.
            shapes: Sizes of the network's input, of the image inside it and of the result.

        Returns:
            The panoptic map and its instances. A score is the heatmap at the center x the mean
            semantic probability of the instance's class inside its mask.

        Raises:
            ValueError: A map has NaN or infinite values, or another number of channels.
        """
        maps = {
            'semantic_logits': outputs.semantic_logits,
            'heatmap_logits': outputs.heatmap_logits,
            'offsets': outputs.offsets,
        }
        maps = self.checked_maps(maps, (self.num_classes, 1, 2))
        _, result = finish(side_by_side(self.check_finite(maps), self._segment(maps, shapes)))
        return result

    def _segment(self, maps: dict[str, Tensor], shapes: Shapes) -> Steps[PanopticResult]:
        logits, heatmap, offsets = maps.values()
        cells = BilinearCells((logits.shape[-2], logits.shape[-1]), shapes, like=logits)
        semantics, peaks = yield from side_by_side(
            semantic_decision.steps(logits, cells, self.num_things_classes),
            find_peaks.steps(
                resize_maps(heatmap.sigmoid(), shapes),
                kernel_size=self.kernel_size,
                threshold=self.peak_threshold,
                top_k=self.top_k,
            ),
        )
        rows, columns = (ori / img for ori, img in zip(shapes.ori, shapes.img, strict=True))
        scaled = torch.stack((offsets[0] * columns, offsets[1] * rows))
        owners = yield from group_by_offsets.steps(scaled, peaks.xy, cells, semantics.thing_pixels)
        labels = majority_labels(
            owners, semantics.thing_labels, len(peaks.labels), self.num_things_classes
        )
        semantics, groups = yield from side_by_side(
            relabel.steps(semantics, owners, labels, partial(softmax_at, logits, cells)),
            sized_groups.steps(owners, len(peaks.labels)),
        )
        return merge_segments(
            semantics,
            groups,
            peaks._replace(labels=labels),
            # Its peaks already are in pixels of the image.
            BilinearCells(shapes.ori, Shapes(shapes.ori, shapes.ori, shapes.ori), like=logits),
            self.num_classes,
            self.num_things_classes,
            self.stuff_area,
        )
