r"""Views of one picture, scaled and flipped, merged into the maps of one (test-time augmentation).

The first view's map, unflipped, is the *grid*: every other view is read bilinearly at its cells.
V views, C = C_th + C_st categories, K peaks, D embedding width, h x w the grid, h_f x w_f the grid
with finer cells, h_v x w_v the maps of a view.

* Heatmaps: mean probability, on the grid, because peaks are sought in windows of its cells.
* Semantics: mean probability, on cells as fine as the largest view's, so that what that view sees
  finer is not lost. Between cells its logarithm is interpolated, as logits are without views.
* Embeddings of different views are not comparable, those of one view are. So the views are put
  side by side, V x D channels, and Eq. (9) is done there: its score maps are the sum of the views'.

One view alone keeps its maps as they are.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .grouping import score_maps
from .resize import Shapes, interpolate, sample_axis

# Values (channels x rows x columns) in flight while probabilities are added.
_CHUNK = 1 << 22


class View(NamedTuple):
    """The network's maps of one view, and how the view was made.

    Attributes:
        semantic_logits: (C, h_v, w_v) float32.
        heatmap_logits: (C_th, h_v, w_v) float32.
        instance_embedding: I, (D, h_v, w_v) float.
        shapes: of the view; ``ori`` is the same for all views of a picture.
        flips: whether the order of its rows, and of its columns, is reversed.
    """

    semantic_logits: Tensor
    heatmap_logits: Tensor
    instance_embedding: Tensor
    shapes: Shapes
    flips: tuple[bool, bool] = (False, False)


class Grid(NamedTuple):
    """Cells that cover the network's input of an unflipped view, like its map.

    Attributes:
        size: (h, w) cells.
        shapes: of the view.
    """

    size: tuple[int, int]
    shapes: Shapes


class MergedMaps(NamedTuple):
    """What the views agree on, as one network would put it out.

    Attributes:
        semantic_logits: (C, h_f, w_f) float, logarithm of the probabilities up to a constant.
        heatmap_logits: (C_th, h, w) float.
        embeddings: V x (D, h, w) float.
        grid: h x w.
    """

    semantic_logits: Tensor
    heatmap_logits: Tensor
    embeddings: list[Tensor]
    grid: Grid

    def labels(self) -> Tensor:
        """The most probable category at each cell of the grid: (h, w) int64."""
        sampled = read_at(self.semantic_logits, self.grid.shapes, (False, False), self.grid)
        return sampled.max(dim=0).indices

    def score_maps(self, xy: Tensor) -> Tensor:
        """How near each cell is to each peak, all views' embeddings side by side, Eq. (9).

        Args:
            xy: (K, 2) int64, cells of the grid.

        Returns:
            (K, h, w) float.
        """
        x, y = xy.unbind(1)
        views = (score_maps(embedding, embedding[:, y, x].t()) for embedding in self.embeddings)
        total = next(views)
        for scores in views:
            total += scores
        return total


def merge_views(views: Iterable[View], img_shapes: Sequence[tuple[int, int]]) -> MergedMaps:
    """Merge the views of one picture, reading one after another.

    Args:
        views: V, made when they are asked for; of each only the embedding is kept, on the grid.
        img_shapes: V x (height, width) of the picture in each view, known before the first one.

    Returns:
        The merged maps.
    """
    alone = len(img_shapes) == 1
    embeddings: list[Tensor] = []
    for view in views:
        if not embeddings:
            height, width = view.heatmap_logits.shape[-2:]
            grid = Grid((height, width), view.shapes)
            fine = grid._replace(size=_fine_size(grid.size, img_shapes))
            semantics = view.semantic_logits.new_zeros(len(view.semantic_logits), *fine.size)
            heatmap = torch.zeros_like(view.heatmap_logits)
        geometry = view.shapes, view.flips
        for rows in _bands(fine.size, len(semantics)):
            part = read_at(view.semantic_logits, *geometry, fine, rows)
            semantics[:, rows] += part if alone else part.softmax(dim=0)
        part = read_at(view.heatmap_logits, *geometry, grid)
        heatmap += part if alone else part.sigmoid()
        embeddings.append(read_at(view.instance_embedding, *geometry, grid))
        del view, part  # before the network runs for the next one
    if not alone:
        # The largest number below 1, in float32, and the smallest above 0 have finite logarithms.
        heatmap = heatmap.div_(len(embeddings)).logit_(eps=2**-24)
        semantics = semantics.clamp_(min=torch.finfo(semantics.dtype).tiny).log_()
    return MergedMaps(semantics, heatmap, embeddings, grid)


def read_at(
    maps: Tensor,
    shapes: Shapes,
    flips: tuple[bool, bool],
    grid: Grid,
    rows: slice = slice(None),
) -> Tensor:
    """Read a view's maps at the grid's cells; beyond the view, its outermost cell.

    Args:
        maps: (C, h_v, w_v) float.
        shapes: of the view.
        flips: of its rows and columns.
        grid: of the same picture.
        rows: which of the grid's.

    Returns:
        (C, len(rows), w), in the type of ``maps``; a part of them where nothing moves.
    """
    sizes = maps.shape[1], maps.shape[2]
    sources = [_source(axis, sizes[axis], shapes, flips[axis], grid) for axis in (0, 1)]
    if all(torch.equal(s, torch.arange(n)) for s, n in zip(sources, sizes, strict=True)):
        return maps[:, rows]
    vertical, horizontal = (
        sample_axis(source, size, maps) for source, size in zip(sources, sizes, strict=True)
    )
    return interpolate(maps, vertical.part(rows), horizontal)


def _source(axis: int, size: int, shapes: Shapes, flipped: bool, grid: Grid) -> Tensor:
    """Where the centres of the grid's cells lie on one axis of a view's map: (cells,) float64."""
    cells, grid_padded, grid_img = (
        values[axis] for values in (grid.size, grid.shapes.padded, grid.shapes.img)
    )
    padded, img = shapes.padded[axis], shapes.img[axis]
    step = (grid_padded * img * size) / (cells * grid_img * padded)
    place = (torch.arange(cells, dtype=torch.float64) + 0.5) * step
    return (img * size / padded - place if flipped else place) - 0.5


def _fine_size(size: tuple[int, int], img_shapes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Cells of the grid (h, w) when they are as fine as the largest view's: (h_f, w_f)."""
    first = img_shapes[0]
    largest = (max(lengths) for lengths in zip(*img_shapes, strict=True))
    rows, columns = (
        -(-cells * most // own) for cells, most, own in zip(size, largest, first, strict=True)
    )
    return rows, columns


def _bands(size: tuple[int, int], channels: int) -> list[slice]:
    """Rows of maps (channels, *size), a few at a time, to bound memory."""
    height, width = size
    step = max(_CHUNK // (channels * width), 1)
    return [slice(start, start + step) for start in range(0, height, step)]
