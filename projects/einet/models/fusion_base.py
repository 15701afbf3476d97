"""What the panoptic fusions share: options, and the checks of the maps they are given."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor

from ..functional.steps import Steps
from ..structures.limits import MAX_CLASSES


class PanopticFusion(BaseModule):
    """From the network's maps of one image to its panoptic result; without parameters.

    Args:
        num_things_classes: C_th.
        num_stuff_classes: C_st; C = C_th + C_st <= 254.
        kernel_size: Side of the max-pool window for peaks, in cells of the heatmap.
        peak_threshold: Probability that a peak exceeds.
        top_k: Peaks per channel of the heatmap.
        stuff_area: Smallest area of a stuff class, in pixels of the original image; published are
            2048 on Cityscapes and 4096 on COCO. Smaller ones become void.

    Raises:
        ValueError: There are more classes than label maps can hold, or an option is out of range.
    """

    def __init__(
        self,
        num_things_classes: int,
        num_stuff_classes: int,
        kernel_size: int,
        peak_threshold: float,
        top_k: int,
        stuff_area: int,
    ) -> None:
        super().__init__()
        self.num_things_classes = num_things_classes
        self.num_classes = num_things_classes + num_stuff_classes
        if self.num_classes > MAX_CLASSES:
            raise ValueError(
                f'{type(self).__name__}: num_things_classes + num_stuff_classes is '
                f'{self.num_classes}, but label maps are uint8: at most {MAX_CLASSES} classes'
            )
        for key, value in dict(kernel_size=kernel_size, top_k=top_k).items():
            if value < 1:
                raise ValueError(f'{type(self).__name__}: {key} must be at least 1, got {value}')
        if not 0 <= peak_threshold <= 1:
            raise ValueError(
                f'{type(self).__name__}: peak_threshold must be in [0, 1], got {peak_threshold}'
            )
        self.kernel_size = kernel_size
        self.peak_threshold = peak_threshold
        self.top_k = top_k
        self.stuff_area = stuff_area

    def checked_maps(self, maps: dict[str, Tensor], channels: Sequence[int]) -> dict[str, Tensor]:
        """The network's maps of one image in float32.

        Args:
            maps: By name, each (channels, h, w).
            channels: Expected of each.

        Raises:
            ValueError: A map has another size than the first, or another number of channels.
        """
        size = next(iter(maps.values())).shape[-2:]
        for (name, values), count in zip(maps.items(), channels, strict=True):
            if values.shape != (count, *size):
                raise ValueError(
                    f'{type(self).__name__}: {name} is {tuple(values.shape)}, expected '
                    f'{(count, *size)}: class counts of model and fusion must agree, and all '
                    'maps must have one size'
                )
        return {name: values.float() for name, values in maps.items()}

    def check_finite(self, maps: dict[str, Tensor]) -> Steps[None]:
        """See that maps have neither NaN nor infinite values.

        Args:
            maps: By name.

        Raises:
            ValueError: One has.
        """
        # One sum per map: NaN and infinity survive it.
        finite = yield torch.stack([m.sum() for m in maps.values()]).isfinite().long()
        for name, good in zip(maps, finite, strict=True):
            if not good:
                raise ValueError(
                    f'{type(self).__name__}: {name} has NaN or infinite values: the training '
                    'diverged or the input was not finite; lower the learning rate, or train '
                    'without --amp'
                )
