"""ESM, the extract and summary module of Fig. 3.

Shape shorthand:
    B: images of a batch
    M: most segments of an image
    K: most centroids of an image
    D: embedding width
    h, w: feature map at stride 4
"""

from collections.abc import Sequence
from typing import Literal

from mmdet.registry import MODELS
from torch import Tensor, nn

from ..functional.parts import pixels, split_like
from ..functional.segments import sample_at_points, segment_means


@MODELS.register_module()
class ESM(nn.Module):
    """Summarize embeddings over segments and at points; without parameters.

    Bands of rows are taken one by one, and what a backward pass needs is computed again for each
    of several, so that the extra memory is that of one. Cost does not depend on the number of
    segments.

    Args:
        reduction: ``'mean'``, or ``'sum'``: see :func:`einet.functional.segments.segment_means`.
    """

    def __init__(self, reduction: Literal['mean', 'sum'] = 'mean') -> None:
        super().__init__()
        if reduction not in ('mean', 'sum'):
            raise ValueError(f"ESM: reduction must be 'mean' or 'sum', got {reduction!r}.")
        self.reduction = reduction

    def forward(
        self,
        embedding: Sequence[Tensor],
        attention: Tensor,
        segment_ids: Tensor,
        num_segments: int,
    ) -> Tensor:
        """Attention-weighted means of all segments: E over instances, V over categories.

        Args:
            embedding: I or S, (B, D, h, w) float, in bands of rows. Give the bands of one
                ``split_rows`` when several parts use them: their gradients then add up band by
                band instead of as whole batches.
            attention: (B, 1, h, w) float in (0, 1).
            segment_ids: (B, h, w) integer in [0, M), -1 for pixels of no segment.
            num_segments: M, of every image.

        Returns:
            (B, M, D) float32; zero for a segment without pixels.
        """
        weights, ids = (
            [band.flatten(1) for band in split_like(maps, embedding)]
            for maps in (attention, segment_ids)
        )
        means, _ = segment_means(pixels(embedding), weights, ids, num_segments, self.reduction)
        return means

    def centroids(self, embedding: Tensor, points: Tensor) -> Tensor:
        """Embeddings at the centroids: O.

        Args:
            embedding: I, (B, D, h, w) float.
            points: (B, K, 2), (x, y) in feature pixels.

        Returns:
            O, (B, K, D) float32.
        """
        return sample_at_points(embedding, points).float()
