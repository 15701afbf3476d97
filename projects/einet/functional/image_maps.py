"""What the instances of one image are grouped from, made of the network's maps or of several views.

Shape shorthand:
    C: categories, C_th of them things (first)
    K: peaks
    D: embedding width
    h, w: network's maps
    H, W: original image
    M: pixels of the original image, given as flat indices
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from .grouping import Semantics, row_slices, score_maps, semantic_decision
from .resize import BilinearCells, Shapes
from .steps import Steps
from .voting import softmax_at

# Scores (peaks x cells) at a time, which bounds memory at any image size and number of peaks.
_SCORES = 1 << 26


class ScoreBand(NamedTuple):
    """Some rows of the score maps.

    Attributes:
        pixels: Which of the pixels that were asked for lie here.
        scores: (K, rows, w) float.
        cells: From these rows to the original image.
    """

    pixels: slice
    scores: Tensor
    cells: BilinearCells


class ImageMaps(NamedTuple):
    """Semantics, heatmap and embedding of one image.

    Attributes:
        decide: Gives the steps that label the pixels of the original size.
        probability: Gives the probabilities of labels at pixels, both (M,) int64, as
            :func:`einet.functional.voting.relabel` asks for them.
        cell_labels: (h, w) int64 in [0, C), labels of the maps' cells.
        semantic_logits: (C, h, w) float, or logarithms of probabilities.
        heatmap_logits: (C_th, h, w) float.
        embeddings: I, (D, h, w) float: one, or those of several views.
        shapes: Sizes of the image.
    """

    decide: Callable[[], Steps[Semantics]]
    probability: Callable[[Tensor, Tensor], Tensor]
    cell_labels: Tensor
    semantic_logits: Tensor
    heatmap_logits: Tensor
    embeddings: Sequence[Tensor]
    shapes: Shapes

    @property
    def cells(self) -> BilinearCells:
        """From the maps to the original image."""
        height, width = self.cell_labels.shape
        return BilinearCells((height, width), self.shapes, like=self.heatmap_logits)

    def at(self, xy: Tensor) -> list[Tensor]:
        """The embeddings at cells (K, 2), xy: (K, D) of each view."""
        x, y = xy.unbind(1)
        return [embedding[:, y, x].t() for embedding in self.embeddings]

    def score_maps(
        self, xy: Tensor, rows: slice = slice(None), class_weight: float = 0.0
    ) -> Tensor:
        r"""How near each cell is to each peak, Eq. (9), or how probably it is a part of it.

        Embeddings of different views are not comparable, those of one view are. So the views are
        put side by side as channels of one embedding: its score maps are the sum of the views'.

        If the embeddings of instance k are normally distributed around :math:`O_k` with variance
        :math:`\sigma^2`, and its class :math:`c_k` is that of its peak, the most probable instance
        of a pixel is by Bayes' rule

        .. math:: \arg\max_k \; p(c_k) \exp(-\lVert I - O_k \rVert^2 / 2 \sigma^2)
            = \arg\max_k \; s_k + \sigma^2 z_{c_k}

        with the scores s of Eq. (9) and the logits z, whose softmax has one denominator for all k.

        Args:
            xy: (K, 2) int64, cells of the maps.
            rows: Rows of cells that are asked for.
            class_weight: :math:`\sigma^2`; 0 leaves the classes out.

        Returns:
            (K, rows, w) float.
        """
        parts = [embedding[:, rows] for embedding in self.embeddings]
        maps = map(score_maps, parts, self.at(xy))
        total = next(maps)
        for scores in maps:
            total += scores
        if class_weight:
            x, y = xy.unbind(1)
            classes = self.semantic_logits[:, rows].index_select(0, self.cell_labels[y, x])
            total.add_(classes, alpha=class_weight * len(self.embeddings))
        return total

    def score_bands(
        self, xy: Tensor, pixels: Tensor, class_weight: float = 0.0
    ) -> Iterator[ScoreBand]:
        """The score maps, some rows at a time where image and peaks are many.

        Args:
            xy: (K, 2) int64, cells of the maps.
            pixels: (N,) int64, rising flat indices of pixels of the original image.
            class_weight: See :meth:`score_maps`.

        Yields:
            Bands from top to bottom, of which each pixel is in one.
        """
        cells = self.cells
        height, width = cells.map_shape
        step = max(_SCORES // max(len(xy) * width, 1), 1)
        if step >= height:  # as nearly always: nothing to look up, which a GPU would wait for
            yield ScoreBand(slice(None), self.score_maps(xy, class_weight=class_weight), cells)
            return
        edges = torch.arange(0, height + step, step, device=pixels.device)
        row = cells.rows.low[torch.div(pixels, cells.ori_shape[1], rounding_mode='floor')]
        ends = torch.searchsorted(row, edges).tolist()
        for first, (begin, end) in zip(range(0, height, step), pairwise(ends), strict=True):
            # The row below a band serves as the lower corners of its last one.
            scores = self.score_maps(xy, slice(first, first + step + 1), class_weight)
            yield ScoreBand(slice(begin, end), scores, cells.band(first, first + step))

    def distances(self, pixels: Tensor, xy: Tensor) -> Tensor:
        """How far the embedding of each pixel is from that of a cell.

        Args:
            pixels: (M,) int64, flat indices of pixels of the original image.
            xy: (M, 2) int64, a cell for each.

        Returns:
            (M,) float, root mean square over the views.
        """
        squared = self.heatmap_logits.new_zeros(len(pixels))
        x, y = xy.unbind(1)
        for embedding in self.embeddings if len(pixels) else ():
            table = embedding.flatten(1).t().contiguous()
            cell = y * embedding.shape[2] + x
            for part in row_slices(len(pixels), len(embedding)):
                differences = self.cells.sample(table, pixels[part]) - table[cell[part]]
                squared[part] += differences.square().sum(dim=1)
        return (squared / len(self.embeddings)).sqrt()


def image_maps(
    semantic_logits: Tensor, heatmap_logits: Tensor, instance_embedding: Tensor, shapes: Shapes
) -> ImageMaps:
    """The maps of one view, as they are; their semantics are decided when asked for.

    Args:
        semantic_logits: (C, h, w) float32, finite.
        heatmap_logits: (C_th, h, w) float32.
        instance_embedding: I, (D, h, w) float32.
        shapes: Sizes of the image.

    Example:
        >>> from torch import tensor
        >>> from einet.functional.steps import finish
        >>> maps = image_maps(
        ...     semantic_logits=tensor([[[4.0, 0.0]], [[0.0, 2.0]]]),  # a thing, a stuff category
        ...     heatmap_logits=tensor([[[0.5, -1.0]]]),
        ...     instance_embedding=tensor([[[1.0, 3.0]]]),
        ...     shapes=Shapes(padded=(4, 8), img=(4, 8), ori=(1, 4)),
        ... )
        >>> finish(maps.decide()).labels
        tensor([[0, 0, 1, 1]], dtype=torch.uint8)
        >>> maps.cell_labels
        tensor([[0, 1]])
    """
    height, width = semantic_logits.shape[-2:]
    cells = BilinearCells((height, width), shapes, like=semantic_logits)
    return ImageMaps(
        decide=partial(semantic_decision.steps, semantic_logits, cells, len(heatmap_logits)),
        probability=partial(softmax_at, semantic_logits, cells),
        cell_labels=semantic_logits.max(dim=0).indices,
        semantic_logits=semantic_logits,
        heatmap_logits=heatmap_logits,
        embeddings=[instance_embedding],
        shapes=shapes,
    )
