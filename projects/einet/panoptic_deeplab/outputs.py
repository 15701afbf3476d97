"""What the network of Panoptic-DeepLab gives.

Shape shorthand:
    B: images of a batch
    C: categories
    h, w: maps at stride 4
"""

from typing import NamedTuple

from torch import Tensor


class PanopticDeepLabOutputs(NamedTuple):
    """Panoptic-DeepLab's maps for a batch, all at stride 4.

    Attributes:
        semantic_logits: (B, C, h, w).
        heatmap_logits: (B, 1, h, w), of the centers of all thing classes.
        offsets: (B, 2, h, w) xy, pixels of the network's input.
    """

    semantic_logits: Tensor
    heatmap_logits: Tensor
    offsets: Tensor
