"""A semantic head without an embedding (Panoptic-DeepLab).

Shape shorthand:
    B: images of a batch
    C: categories
    h, w: map at stride 4
"""

from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn

from ..models.layers import conv5x5


@MODELS.register_module()
class SemanticHead(BaseModule):
    """5x5 -> hidden -> 1x1 -> C logits.

    Args:
        in_channels: Channels of the semantic decoder.
        num_classes: C, things and stuff.
        hidden_channels: Width between the two convolutions.
        separable: A depthwise-separable 5x5 convolution.
        norm_cfg: Norm after the 5x5 convolution.
        act_cfg: Activation after the 5x5 convolution.
        init_cfg: mmengine's initialization; with None the classes start near equal.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        hidden_channels: int = 256,
        separable: bool = False,
        norm_cfg: dict | None = dict(type='BN'),  # noqa: B006
        act_cfg: dict | None = dict(type='ReLU'),  # noqa: B006
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        if init_cfg is None:
            predictor = dict(name='predictor', type='Normal', std=0.01)
            init_cfg = dict(type='Normal', override=predictor)
        super().__init__(init_cfg)
        self.hidden = conv5x5(in_channels, hidden_channels, separable, norm_cfg, act_cfg)
        self.predictor = nn.Conv2d(hidden_channels, num_classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Score every category.

        Args:
            x: Semantic decoder's features, (B, in_channels, h, w) float.

        Returns:
            Logits, (B, C, h, w) float.
        """
        return self.predictor(self.hidden(x))
