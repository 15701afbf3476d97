"""The panoptic fusion: network maps of one image to its panoptic result (paper, inference)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor

from ..functional.grouping import (
    PanopticResult,
    group_pixels,
    merge_segments,
)
from ..functional.heatmap import find_peaks
from ..functional.resize import BilinearCells, Shapes
from ..functional.views import View, merge_views


@MODELS.register_module()
class EmbeddingPanopticFusion(BaseModule):
    """Group the pixels of every thing class around the peaks of its centroid heatmap, Eq. (9).

    Has no parameters. A thing class without a peak and stuff below ``stuff_area`` become void.

    Args:
        num_things_classes: C_th.
        num_stuff_classes: C_st, C = C_th + C_st <= 255.
        kernel_size: side of the max-pool window for peaks, in cells (pixels at stride 4).
        peak_threshold: probability that a peak exceeds.
        top_k: peaks per thing class.
        stuff_area: smallest area of a stuff class, in pixels of the original image (peers use
            2048 on Cityscapes and 4096 on COCO).
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
        super().__init__()
        self.num_things_classes = num_things_classes
        self.num_classes = checked_classes(self, num_things_classes, num_stuff_classes)
        self.kernel_size = kernel_size
        self.peak_threshold = peak_threshold
        self.top_k = top_k
        self.stuff_area = stuff_area

    @torch.no_grad()
    def forward(
        self,
        semantic_logits: Tensor,
        heatmap_logits: Tensor,
        instance_embedding: Tensor,
        padded_shape: tuple[int, int],
        img_shape: tuple[int, int],
        ori_shape: tuple[int, int],
    ) -> PanopticResult:
        """Segment one image from one view. Computes in float32, also for half-precision maps.

        Args:
            semantic_logits: (C, h, w).
            heatmap_logits: (C_th, h, w), before the sigmoid.
            instance_embedding: I, (D, h, w).
            padded_shape: (height, width) of the network's input, which the maps cover.
            img_shape: (height, width) of the resized image in its top-left corner.
            ori_shape: (height, width) of the result.

        Returns:
            The panoptic map and its instances.

        Raises:
            ValueError: a map has NaN or infinite values, or another number of classes.
        """
        shapes = Shapes(tuple(padded_shape), tuple(img_shape), tuple(ori_shape))
        view = View(semantic_logits, heatmap_logits, instance_embedding, shapes)
        return self.fuse_views([view], num_views=1)

    @torch.no_grad()
    def fuse_views(self, views: Iterable[View], num_views: int) -> PanopticResult:
        """Segment one image from several views of it, see :mod:`einet.functional.views`.

        Args:
            views: V, may be made one by one; peaks are sought on the cells of the first one's map.
            num_views: V.

        Returns:
            The panoptic map and its instances.

        Raises:
            ValueError: a map has NaN or infinite values, or another number of classes.
        """
        merged = merge_views(map(self._checked, views), num_views)
        shapes = merged.grid.shapes
        peaks = find_peaks(
            merged.heatmap_logits.sigmoid(),
            kernel_size=self.kernel_size,
            threshold=self.peak_threshold,
            top_k=self.top_k,
            labels=merged.semantics.max(dim=0).indices,
            valid=shapes.valid_cells(merged.grid.size),
            ranking=merged.heatmap_logits,
        )
        cells = BilinearCells(merged.grid.size, shapes, like=merged.semantics)
        semantics = merged.semantic_decision(cells, self.num_things_classes)
        pixels = semantics.thing_pixels, semantics.thing_labels
        groups = group_pixels(merged.score_maps(peaks.xy), peaks.labels, cells, *pixels)
        return merge_segments(
            semantics,
            groups,
            peaks,
            cells,
            self.num_classes,
            self.num_things_classes,
            self.stuff_area,
        )

    def _checked(self, view: View) -> View:
        """The view in float32. Refuses other class counts or sizes, and values not finite."""
        maps = {name: getattr(view, name) for name in View._fields[:3]}
        channels = (self.num_classes, self.num_things_classes, len(view.instance_embedding))
        return view._replace(**checked_maps(self, maps, channels))


def checked_classes(owner: BaseModule, num_things_classes: int, num_stuff_classes: int) -> int:
    """C, the number of classes.

    Raises:
        ValueError: there are more than label maps can hold.
    """
    num_classes = num_things_classes + num_stuff_classes
    if num_classes > 255:
        raise ValueError(
            f'{type(owner).__name__}: num_things_classes + num_stuff_classes is {num_classes}, '
            'but label maps are uint8: at most 255 classes'
        )
    return num_classes


def checked_maps(
    owner: BaseModule, maps: dict[str, Tensor], channels: Sequence[int]
) -> dict[str, Tensor]:
    """The network's maps of one image in float32.

    Args:
        owner: the fusion, for messages.
        maps: by name, each (channels, h, w).
        channels: expected of each.

    Raises:
        ValueError: a map has NaN or infinite values, another size than the first, or another
            number of channels.
    """
    size = next(iter(maps.values())).shape[-2:]
    for (name, values), count in zip(maps.items(), channels, strict=True):
        if values.shape != (count, *size):
            raise ValueError(
                f'{type(owner).__name__}: {name} is {tuple(values.shape)}, expected '
                f'{(count, *size)}: class counts of model and fusion must agree, and all '
                'maps must have one size'
            )
    maps = {name: values.float() for name, values in maps.items()}
    # One sum per map, and one transfer from the device: NaN and infinity survive a sum.
    finite = torch.stack([values.sum() for values in maps.values()]).isfinite().tolist()
    for name, good in zip(maps, finite, strict=True):
        if not good:
            raise ValueError(
                f'{type(owner).__name__}: {name} has NaN or infinite values: the training '
                'diverged or the input was not finite; lower the learning rate, or train '
                'without --amp'
            )
    return maps
