r"""Views of one image, scaled and flipped, merged into the maps of one (test-time augmentation).

The first view's map, unflipped, is the *grid*: every other view is read bilinearly at its cells.

* Heatmaps: mean probability on the grid, because peaks are sought in windows of its cells.
* Semantics: mean probability at every pixel of the image. A coarser place, whose values would
  have to be interpolated once more, blurs the borders of segments.
* Embeddings of different views are not comparable, those of one view are. So the views are put
  side by side, V x D channels, and Eq. (9) is done there: its score maps are the sum of the views'.

One view alone keeps its maps as they are.

Shape shorthand:
    V: views
    C: categories, C_th of them things (first)
    D: embedding width
    h, w: grid
    h_v, w_v: maps of one view
    H, W: original image
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from .grouping import most_probable
from .image_maps import ImageMaps, image_maps
from .resize import Shapes, interpolate, sample_axis

# Values (channels x rows x columns) in flight while probabilities are added.
_CHUNK = 1 << 22
# A probability whose logarithm is finite.
_TINY = torch.finfo(torch.float32).tiny


class View(NamedTuple):
    """The network's maps of one view, and how the view was made.

    Attributes:
        semantic_logits: (C, h_v, w_v) float32.
        heatmap_logits: (C_th, h_v, w_v) float32.
        instance_embedding: I, (D, h_v, w_v) float32.
        shapes: Sizes of the view; ``ori`` is the same for all views of an image.
        flips: Whether the order of its rows, and of its columns, is reversed.
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
        shapes: Sizes of the view.
    """

    size: tuple[int, int]
    shapes: Shapes


def merge_views(views: Iterable[View], num_views: int) -> ImageMaps:
    """Merge the views of one image, reading one after another.

    Args:
        views: V, made when they are asked for; of each only the embedding is kept, on the grid.
        num_views: V.

    Returns:
        What the maps of a single view would give, on the grid.

    Example:
        >>> def view(heatmap_logits: list[float], flipped: bool) -> View:
        ...     shapes = Shapes(padded=(4, 8), img=(4, 8), ori=(4, 8))
        ...     maps = torch.tensor(heatmap_logits).view(1, 1, 2)
        ...     return View(maps.new_zeros(2, 1, 2), maps, maps, shapes, flips=(False, flipped))
        >>> merged = merge_views([view([3.0, -1.0], False), view([-1.0, 3.0], True)], num_views=2)
        >>> merged.heatmap_logits
        tensor([[[ 3.0000, -1.0000]]])
    """
    embeddings: list[Tensor] = []
    for view in views:
        if num_views == 1:
            return _alone(view)
        if not embeddings:
            grid, ori = _grid_of(view), view.shapes.ori
            pixels = Grid(ori, Shapes(ori, ori, ori))
            in_cells = view.semantic_logits.new_zeros(len(view.semantic_logits), *grid.size)
            in_pixels = in_cells.new_zeros(len(in_cells), *ori)
            heatmap = torch.zeros_like(view.heatmap_logits)
        _add(in_cells, view.semantic_logits, view, grid, _softmax)
        _add(in_pixels, view.semantic_logits, view, pixels, _softmax)
        _add(heatmap, view.heatmap_logits, view, grid, torch.sigmoid)
        embeddings.append(read_at(view.instance_embedding, view.shapes, view.flips, grid))
        del view  # before the network makes the next one
    in_pixels.div_(num_views)
    return ImageMaps(
        decide=partial(most_probable.steps, in_pixels, len(heatmap)),
        probability=lambda pixels, labels: in_pixels.flatten(1)[labels, pixels],
        cell_labels=in_cells.max(dim=0).indices,
        semantic_logits=in_cells.div_(num_views).clamp_(min=_TINY).log_(),
        # Below 1 by what float32 can tell: a certain peak stays finite.
        heatmap_logits=heatmap.div_(num_views).logit_(eps=2**-24),
        embeddings=embeddings,
        shapes=grid.shapes,
    )


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
        shapes: Sizes of the view.
        flips: Whether its rows, and its columns, are reversed.
        grid: Grid of the same image.
        rows: Which of the grid's rows.

    Returns:
        (C, len(rows), w), in the type of ``maps``; a part of them where nothing moves.

    Example:
        >>> maps = torch.tensor([[[0.0, 2.0, 4.0, 10.0]]])  # of a view of twice the grid's size
        >>> grid = Grid((1, 2), Shapes(padded=(4, 8), img=(4, 8), ori=(4, 8)))
        >>> read_at(maps, Shapes((8, 16), (8, 16), (4, 8)), (False, False), grid)
        tensor([[[1., 7.]]])
        >>> read_at(maps, Shapes((8, 16), (8, 16), (4, 8)), (False, True), grid)
        tensor([[[7., 1.]]])
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
    """Where the centers of the grid's cells lie on one axis of a view's map: (cells,) float64."""
    cells, grid_padded, grid_img = (
        values[axis] for values in (grid.size, grid.shapes.padded, grid.shapes.img)
    )
    padded, img = shapes.padded[axis], shapes.img[axis]
    step = (grid_padded * img * size) / (cells * grid_img * padded)
    place = (torch.arange(cells, dtype=torch.float64) + 0.5) * step
    return (img * size / padded - place if flipped else place) - 0.5


def _alone(view: View) -> ImageMaps:
    """One view, flipped back."""
    grid = _grid_of(view)
    semantics, heatmap, embedding = (
        read_at(maps, view.shapes, view.flips, grid)
        for maps in (view.semantic_logits, view.heatmap_logits, view.instance_embedding)
    )
    return image_maps(semantics, heatmap, embedding, grid.shapes)


def _grid_of(view: View) -> Grid:
    height, width = view.heatmap_logits.shape[-2:]
    return Grid((height, width), view.shapes)


def _softmax(logits: Tensor) -> Tensor:
    return logits.softmax(dim=0)


def _add(
    total: Tensor, logits: Tensor, view: View, grid: Grid, activation: Callable[[Tensor], Tensor]
) -> None:
    """Add a view's probabilities at the grid's cells to ``total``, a few rows at a time."""
    step = max(_CHUNK // (len(logits) * grid.size[1]), 1)
    for start in range(0, grid.size[0], step):
        rows = slice(start, start + step)
        total[:, rows] += activation(read_at(logits, view.shapes, view.flips, grid, rows))
