"""ESM, the extract and summary module of Fig. 3.

Shape shorthand:
    B: images of a batch
    M: segments of one image
    K: centroids of one image
    D: embedding width
    h, w: feature map at stride 4
"""

from collections.abc import Sequence
from typing import Literal

import torch
from mmdet.registry import MODELS
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ..functional.images import split_images
from ..functional.segments import sample_at_points, segment_means


@MODELS.register_module()
class ESM(nn.Module):
    """Summarize embeddings over segments and at points; without parameters.

    Images are taken one by one, and what a backward pass needs is computed again for each image,
    so that the extra memory is that of one image. Cost does not depend on the number of segments.

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
        embedding: Tensor | Sequence[Tensor],
        attention: Tensor | Sequence[Tensor],
        segment_ids: Tensor,
        num_segments: Sequence[int],
    ) -> list[Tensor]:
        """Attention-weighted means of all segments: E over instances, V over categories.

        Args:
            embedding: I or S, (B, D, h, w) float, or one (D, h, w) per image. Give the images of
                one ``split_images`` when several parts use them: their gradients then add up image
                by image instead of as whole batches.
            attention: (B, 1, h, w) float in (0, 1), or one (1, h, w) per image.
            segment_ids: (B, h, w) integer in [0, M), -1 for pixels of no segment.
            num_segments: M of each image.

        Returns:
            One (M, D) per image, in float32; zero for a segment without pixels.
        """
        images = zip(_images(embedding), _images(attention), segment_ids, num_segments, strict=True)
        return [self._means(*image) for image in images]

    def centroids(
        self, embedding: Tensor | Sequence[Tensor], points: Sequence[Tensor]
    ) -> list[Tensor]:
        """Embeddings at the centroids: O.

        Args:
            embedding: I, (B, D, h, w) float, or one (D, h, w) per image.
            points: One (K, 2) per image, (x, y) in feature pixels.

        Returns:
            O, one (K, D) per image, in float32.
        """
        return [
            sample_at_points(image, xy).float()
            for image, xy in zip(_images(embedding), points, strict=True)
        ]

    def _means(
        self, embedding: Tensor, attention: Tensor, segment_ids: Tensor, num_segments: int
    ) -> Tensor:
        arguments = (embedding, attention, segment_ids, num_segments, self.reduction)
        if torch.is_grad_enabled() and (embedding.requires_grad or attention.requires_grad):
            return checkpoint(
                _image_means, *arguments, use_reentrant=False, preserve_rng_state=False
            )
        return _image_means(*arguments)


def _images(batch: Tensor | Sequence[Tensor]) -> Sequence[Tensor]:
    return split_images(batch) if isinstance(batch, Tensor) else batch


def _image_means(
    embedding: Tensor,
    attention: Tensor,
    segment_ids: Tensor,
    num_segments: int,
    reduction: Literal['mean', 'sum'],
) -> Tensor:
    means, _ = segment_means(
        embedding.flatten(1).t(),
        attention.flatten(),
        segment_ids.flatten().long(),
        num_segments,
        reduction,
    )
    return means
