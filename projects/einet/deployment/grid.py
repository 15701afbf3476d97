"""The mapping of :class:`einet.functional.resize.BilinearCells` for a batch, with sizes as tensors.

Shape shorthand:
    B: images of a batch
    M: maps
    h, w: network's maps
    H, W: original image
    P: pixels of the batch, given as flat indices
"""

from typing import NamedTuple

import torch
from torch import Tensor

from ..functional.resize import Samples, sample_axis


class Grid(NamedTuple):
    """Where the pixels of the original images lie on the maps.

    Attributes:
        rows: Samples of the H rows.
        columns: Samples of the W columns.
        valid: (h, w) bool, cells that show a part of the image, not only padding.
    """

    rows: Samples
    columns: Samples
    valid: Tensor

    def expand(self, values: Tensor) -> Tensor:
        """Give every pixel the value of its cell: (B, h, w) -> (B, H, W)."""
        return values.index_select(1, self.rows.low).index_select(2, self.columns.low)

    def unanimous(self, values: Tensor) -> Tensor:
        """Whether the four corners of each cell have the same value: (B, h, w) -> bool."""
        down = values == torch.cat((values[:, 1:], values[:, -1:]), dim=1)
        along = values == torch.cat((values[..., 1:], values[..., -1:]), dim=2)
        return down & along & torch.cat((down[..., 1:], down[..., -1:]), dim=2)

    def split(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Image, row and column of pixels (P,)."""
        height, width = self.rows.low.shape[0], self.columns.low.shape[0]
        row = torch.div(pixels, width, rounding_mode='floor')
        image = torch.div(row, height, rounding_mode='floor')
        return image, row - image * height, pixels - row * width

    def sample(self, maps: Tensor, pixels: Tensor) -> Tensor:
        """Interpolate maps (B, h, w, M) at pixels (P,): (P, M)."""
        height, width = maps.shape[1:3]
        image, row, column = self.split(pixels)
        table = maps.flatten(0, 2)
        down, along = self.rows.weight[row], self.columns.weight[column]
        total = maps.new_zeros(())
        for rows, down_share in ((self.rows.low, 1 - down), (self.rows.high, down)):
            for columns, share in ((self.columns.low, 1 - along), (self.columns.high, along)):
                cell = (image * height + rows[row]) * width + columns[column]
                total = total + table[cell] * (down_share * share)[:, None]
        return total


def make_grid(
    map_size: tuple[int, int], padded: tuple[int, int], img: Tensor, ori: Tensor, like: Tensor
) -> Grid:
    """Place the pixels of the original images on the maps.

    Args:
        map_size: (h, w).
        padded: (height, width) of the network's input.
        img: (2,) int64, (height, width) of the image inside it.
        ori: (2,) int64, (H, W).
        like: Gives device and floating type.
    """
    samples, shown = [], []
    for axis, (size, input_size) in enumerate(zip(map_size, padded, strict=True)):
        pixels = ori[axis].item()
        torch._check(pixels > 0)
        step = (img[axis] * size).double() / (ori[axis] * input_size).double()
        source = torch.arange(pixels, dtype=torch.float64, device=like.device) + 0.5
        samples.append(sample_axis(source * step - 0.5, size, like=like))
        cells = torch.arange(size, device=like.device)
        # As many cells as ceil(img * size / padded).
        shown.append(cells * input_size < img[axis] * size)
    return Grid(*samples, valid=shown[0][:, None] & shown[1])
