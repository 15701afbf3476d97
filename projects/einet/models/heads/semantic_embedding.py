"""Semantic embedding S, its attention and its classifier (Fig. 2, bottom).

Shape shorthand:
    B: images of a batch
    D: embedding width
    C: categories
    h, w: map at stride 4
"""

from typing import NamedTuple

from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from ...functional.precision import full_precision
from ..layers import attention_weights, conv5x5, embedding_conv5x5, embedding_init


class SemanticEmbedding(NamedTuple):
    """What the head gives.

    Attributes:
        embedding: S, (B, D, h, w) float.
        attention: att_sem, (B, 1, h, w) float in (0, 1).
    """

    embedding: Tensor
    attention: Tensor


@MODELS.register_module()
class SemanticEmbeddingHead(BaseModule):
    """5x5 -> S, 1x1 -> sigmoid attention, and a linear classifier on S (Fig. 2).

    The classifier is apart from ``forward`` because training classifies the calibrated S (Eq. 4).

    Args:
        in_channels: Channels of the semantic decoder.
        embed_dims: D.
        num_classes: C, things and stuff.
        separable: A depthwise-separable 5x5 convolution.
        hidden_channels: Width of the 5x5 convolution when it has a norm and an activation, before
            a 1x1 to S: the head of Panoptic-DeepLab. With None, the paper's, S and with it the
            logits are linear in the decoder's features.
        norm_cfg: Norm of the hidden or the depthwise convolution; unused where there is none.
        act_cfg: Activation of the hidden or the depthwise convolution; unused where there is none.
        init_cfg: mmengine's initialization. With None, S starts with the scale of its input, the
            attention near 0.5 everywhere and the classes near equal.
    """

    def __init__(
        self,
        in_channels: int,
        embed_dims: int,
        num_classes: int,
        separable: bool = False,
        hidden_channels: int | None = None,
        norm_cfg: dict | None = dict(type='BN'),  # noqa: B006
        act_cfg: dict = dict(type='ReLU'),  # noqa: B006
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg or embedding_init('attention', 'classifier'))
        self.embed_dims = embed_dims
        self.num_classes = num_classes
        if hidden_channels is None:
            self.embedding = embedding_conv5x5(
                in_channels, embed_dims, separable, norm_cfg, act_cfg
            )
        else:
            hidden = conv5x5(in_channels, hidden_channels, separable, norm_cfg, act_cfg)
            self.embedding = nn.Sequential(hidden, nn.Conv2d(hidden_channels, embed_dims, 1))
        self.attention = nn.Conv2d(in_channels, 1, 1)
        self.classifier = nn.Conv2d(embed_dims, num_classes, 1)

    def forward(self, x: Tensor) -> SemanticEmbedding:
        """Embed.

        Args:
            x: Semantic decoder's features, (B, in_channels, h, w) float.

        Returns:
            S (B, D, h, w) and its attention (B, 1, h, w) in (0, 1).
        """
        return SemanticEmbedding(self.embedding(x), attention_weights(self.attention(x)))

    def classify(self, embedding: Tensor) -> Tensor:
        """Score every category.

        Args:
            embedding: S, raw or calibrated (Eq. 4), (B, D, h, w) float.

        Returns:
            Logits, (B, C, h, w) float.
        """
        return self.classifier(embedding)

    def classify_centers(self, centers: Tensor) -> Tensor:
        """Score vectors by the classifier as it is: they learn from it, and it not from them.

        Args:
            centers: (B, M, D) float.

        Returns:
            Logits, (B, M, C) float32.
        """
        weight, bias = self.classifier.weight.detach(), self.classifier.bias.detach()
        return full_precision(F.linear)(centers, weight.flatten(1), bias)
