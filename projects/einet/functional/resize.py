"""From the maps of a padded network input to the original image's pixels, in one bilinear step.

The network sees the image, resized to ``img``, in the top-left corner of an input of size
``padded``; its maps (C, h, w) cover that input. Row Y of the original image (``ori``) reads the
map at row ``max((Y + 0.5) * step - 0.5, 0)``, ``step = (img_height / ori_height) * (h /
padded_height)``, and columns likewise: torch's ``align_corners=False`` with a given scale. Sizes
are (height, width).

Shape shorthand:
    C: channels
    h, w: map
    M: output points of one axis
    N: output pixels, given as flat indices
    K: points
"""

import copy
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

# Values (channels x rows x columns) in flight: bounds memory, and what fits the cache is faster.
_CHUNK = 1 << 18


class Shapes(NamedTuple):
    """The three sizes of one image, each (height, width) in pixels.

    Attributes:
        padded: Network's input.
        img: Image inside it, after resizing, at the top left.
        ori: Image that the result is for.
    """

    padded: tuple[int, int]
    img: tuple[int, int]
    ori: tuple[int, int]

    def steps(self, map_shape: tuple[int, int]) -> tuple[float, float]:
        """Rows and columns of a map (h, w) per pixel of the original image."""
        sizes = zip(self.padded, self.img, self.ori, map_shape, strict=True)
        rows, columns = ((img * size) / (ori * padded) for padded, img, ori, size in sizes)
        return rows, columns

    def valid_cells(self, map_shape: tuple[int, int]) -> tuple[int, int]:
        """Rows and columns of a map (h, w) that show a part of the image, not only padding."""
        sizes = zip(self.padded, self.img, map_shape, strict=True)
        rows, columns = (-(-img * size // padded) for padded, img, size in sizes)
        return rows, columns


def resize_maps(maps: Tensor, shapes: Shapes) -> Tensor:
    """Crop the padding and resize to the original image, in one interpolation.

    Not ``F.interpolate``: with a scale that is given it still takes the output to be a plain copy
    when its size happens to be that of the map.

    Args:
        maps: (C, h, w) float.
        shapes: Sizes of the image.

    Returns:
        (C, ori_height, ori_width), in the type of ``maps``.

    Example:
        >>> maps = torch.tensor([[[0.0, 4.0, 8.0]]])  # the third column is padding
        >>> resize_maps(maps, Shapes(padded=(4, 12), img=(4, 8), ori=(1, 4)))
        tensor([[[0., 1., 3., 5.]]])
    """
    cells = BilinearCells((maps.shape[-2], maps.shape[-1]), shapes, like=maps)
    return interpolate(maps, cells.rows, cells.columns)


class Samples(NamedTuple):
    """Where to read one axis of a map: between two neighbors, for each of M output points.

    Attributes:
        low: (M,) int64, lower neighbor.
        high: (M,) int64, upper neighbor.
        weight: (M,) float in [0, 1], share of the upper neighbor.
    """

    low: Tensor
    high: Tensor
    weight: Tensor

    def part(self, points: slice) -> 'Samples':
        """Some of the points."""
        return Samples(self.low[points], self.high[points], self.weight[points])


def sample_axis(source: Tensor, size: int, like: Tensor) -> Samples:
    """Neighbors and weights of positions along an axis; outside it, its first or last cell.

    Args:
        source: (M,) float64, positions in cells; 0 is the center of the first.
        size: Number of cells of the axis.
        like: Gives device and floating type.

    Example:
        >>> samples = sample_axis(torch.tensor([-0.5, 0.25, 2.0]).double(), 3, like=torch.zeros(1))
        >>> samples.low.tolist(), samples.high.tolist(), samples.weight.tolist()
        ([0, 0, 2], [1, 1, 2], [0.0, 0.25, 0.0])
    """
    source = source.clamp(min=0)
    low = source.long().clamp(max=size - 1)
    high = (low + 1).clamp(max=size - 1)
    weight = (source - low).clamp(max=1)
    device = like.device
    return Samples(
        low.to(device, non_blocking=True),
        high.to(device, non_blocking=True),
        weight.to(like, non_blocking=True),
    )


def _numbers(count: int, like: Tensor) -> Tensor:
    """0, 1, ... in float64, on the device: a copy to it would be waited for."""
    return torch.arange(count, dtype=torch.float64, device=like.device)


def interpolate(maps: Tensor, rows: Samples, columns: Samples) -> Tensor:
    """Read maps (C, h, w) bilinearly at every row and column: (C, len(rows), len(columns)).

    Example:
        >>> maps = torch.tensor([[[0.0, 4.0], [8.0, 12.0]]])
        >>> rows = sample_axis(torch.tensor([0.5]).double(), 2, like=maps)
        >>> columns = sample_axis(torch.tensor([0.0, 0.25]).double(), 2, like=maps)
        >>> interpolate(maps, rows, columns)
        tensor([[[4., 5.]]])
    """
    read = maps.new_empty(len(maps), len(rows.low), len(columns.low))
    channels = max(_CHUNK // (len(rows.low) * max(maps.shape[2], len(columns.low))), 1)
    for part, out in zip(torch.split(maps, channels), torch.split(read, channels), strict=True):
        top, bottom = part.index_select(1, rows.low), part.index_select(1, rows.high)
        lines = top.lerp(bottom, rows.weight[:, None])
        left, right = lines.index_select(2, columns.low), lines.index_select(2, columns.high)
        out[:] = left.lerp(right, columns.weight)
    return read


class BilinearCells:
    """The mapping of :func:`resize_maps` pixel by pixel, to evaluate only some pixels.

    A *cell* is the square between four neighboring points of the map, named by its top-left one.
    Within a cell maps are bilinear, so of several maps the largest is the same one everywhere
    if it is the same at all four corners.

    Args:
        map_shape: (h, w).
        shapes: Sizes of the image.
        like: Gives device and floating type.
    """

    def __init__(self, map_shape: tuple[int, int], shapes: Shapes, like: Tensor) -> None:
        self.map_shape, self.ori_shape = map_shape, shapes.ori
        self.steps = shapes.steps(map_shape)
        axes = zip(shapes.ori, map_shape, self.steps, strict=True)
        self.rows, self.columns = (
            sample_axis((_numbers(pixels, like) + 0.5) * step - 0.5, size, like)
            for pixels, size, step in axes
        )

    def band(self, first: int, last: int) -> 'BilinearCells':
        """The mapping from the map's rows ``first`` to ``last`` alone, of the pixels they serve.

        Args:
            first: First row of cells.
            last: Row after the last one; the row below it serves as their lower corners.

        Returns:
            Mapping from ``maps[..., first : last + 1, :]``. Pixels keep their numbers.
        """
        band = copy.copy(self)
        band.map_shape = (min(last + 1, self.map_shape[0]) - first, self.map_shape[1])
        low, high, weight = self.rows
        band.rows = Samples(low - first, high - first, weight)
        return band

    def expand(self, values: Tensor) -> Tensor:
        """Give every output pixel the value of its cell: (h, w) -> (ori_height, ori_width)."""
        return values.index_select(0, self.rows.low).index_select(1, self.columns.low)

    def unanimous(self, values: Tensor) -> Tensor:
        """Whether the four corners of each cell have the same value: (h, w) -> (h, w) bool."""
        down = values == torch.cat((values[1:], values[-1:]))
        along = values == torch.cat((values[:, 1:], values[:, -1:]), dim=1)
        return down & along & torch.cat((down[:, 1:], down[:, -1:]), dim=1)

    def cell_of(self, pixels: Tensor) -> Tensor:
        """Flat index in the map of each pixel's cell: (N,) int64 -> (N,) int64."""
        row, column = self._rows_and_columns(pixels)
        return self.rows.low[row] * self.map_shape[1] + self.columns.low[column]

    def sample(self, table: Tensor, pixels: Tensor) -> Tensor:
        """Interpolate at some pixels.

        Args:
            table: (h * w, C) float, the maps with channels last.
            pixels: (N,) int64.

        Returns:
            (N, C).
        """
        row, column = self._rows_and_columns(pixels)
        top, bottom = (side[row] * self.map_shape[1] for side in self.rows[:2])
        left, right, along = (values[column] for values in self.columns)
        down = self.rows.weight[row]
        up, back = 1 - down, 1 - along
        corners = torch.stack((top + left, top + right, bottom + left, bottom + right), dim=1)
        weights = torch.stack((up * back, up * along, down * back, down * along), dim=1)
        # A weighted sum of table rows is what embedding_bag does, without an (N, 4, C) copy.
        return F.embedding_bag(corners, table, mode='sum', per_sample_weights=weights)

    def to_image(self, xy: Tensor) -> Tensor:
        """Center of map cells as points of the original image: (K, 2) xy -> (K, 2) float xy."""
        # Filled on the device: a copy to it would be waited for.
        weight = self.rows.weight
        steps = torch.stack([weight.new_full((), step) for step in self.steps[::-1]])
        last = torch.stack([xy.new_full((), size - 1) for size in self.ori_shape[::-1]])
        # The last cell may reach over the image's border into the padding.
        return torch.minimum((xy + 0.5) / steps - 0.5, last).clamp(min=0)

    def _rows_and_columns(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        row = torch.div(pixels, self.ori_shape[1], rounding_mode='floor')
        return row, pixels - row * self.ori_shape[1]
