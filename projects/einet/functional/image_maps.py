"""What the instances of one image are grouped from, made of the network's maps or of several views.

Shape shorthand:
    C: categories, C_th of them things (first)
    K: peaks
    D: embedding width
    h, w: network's maps
    H, W: original image
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from torch import Tensor

from .grouping import Semantics, score_maps, semantic_decision
from .resize import BilinearCells, Shapes
from .voting import softmax_at


class ImageMaps(NamedTuple):
    """Semantics, heatmap and embedding of one image.

    Attributes:
        semantics: Labels at the original size.
        probability: Gives the probabilities of labels at pixels, both (M,) int64, as
            :func:`einet.functional.voting.relabel` asks for them.
        cell_labels: (h, w) int64 in [0, C), labels of the maps' cells.
        heatmap_logits: (C_th, h, w) float.
        embeddings: I, (D, h, w) float: one, or those of several views.
        shapes: Sizes of the image.
    """

    semantics: Semantics
    probability: Callable[[Tensor, Tensor], Tensor]
    cell_labels: Tensor
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

    def score_maps(self, xy: Tensor) -> Tensor:
        """How near each cell is to each peak, Eq. (9).

        Embeddings of different views are not comparable, those of one view are. So the views are
        put side by side as channels of one embedding: its score maps are the sum of the views'.

        Args:
            xy: (K, 2) int64, cells of the maps.

        Returns:
            (K, h, w) float.
        """
        maps = map(score_maps, self.embeddings, self.at(xy))
        total = next(maps)
        for scores in maps:
            total += scores
        return total


def image_maps(
    semantic_logits: Tensor, heatmap_logits: Tensor, instance_embedding: Tensor, shapes: Shapes
) -> ImageMaps:
    """Decide the semantics, and keep the other maps as they are.

    Args:
        semantic_logits: (C, h, w) float32, finite.
        heatmap_logits: (C_th, h, w) float32.
        instance_embedding: I, (D, h, w) float32.
        shapes: Sizes of the image.

    Example:
        >>> from torch import tensor
        >>> maps = image_maps(
        ...     semantic_logits=tensor([[[4.0, 0.0]], [[0.0, 2.0]]]),  # a thing, a stuff category
        ...     heatmap_logits=tensor([[[0.5, -1.0]]]),
        ...     instance_embedding=tensor([[[1.0, 3.0]]]),
        ...     shapes=Shapes(padded=(4, 8), img=(4, 8), ori=(1, 4)),
        ... )
        >>> maps.semantics.labels
        tensor([[0, 0, 1, 1]], dtype=torch.uint8)
        >>> maps.cell_labels
        tensor([[0, 1]])
    """
    height, width = semantic_logits.shape[-2:]
    cells = BilinearCells((height, width), shapes, like=semantic_logits)
    return ImageMaps(
        semantics=semantic_decision(semantic_logits, cells, len(heatmap_logits)),
        probability=partial(softmax_at, semantic_logits, cells),
        cell_labels=semantic_logits.max(dim=0).indices,
        heatmap_logits=heatmap_logits,
        embeddings=[instance_embedding],
        shapes=shapes,
    )
