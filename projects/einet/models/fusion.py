"""The panoptic fusion: network maps of one image to its panoptic result (paper, inference)."""

from __future__ import annotations

from collections.abc import Sequence

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
from ..functional.image_maps import ImageMaps, image_maps
from ..functional.resize import Shapes
from .outputs import EINetOutputs


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
        return checked_maps(self, maps, channels)


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
