"""Class-aware centroid heatmap, read from the instance embedding (Fig. 2, top right).

Shape shorthand:
    B: images of a batch
    D: embedding width
    C_th: thing categories
    h, w: map at stride 4
"""

from mmdet.registry import MODELS
from mmengine.model import BaseModule, bias_init_with_prob
from torch import Tensor, nn

from ..layers import conv5x5


@MODELS.register_module()
class CentroidHeatmapHead(BaseModule):
    """5x5 -> 32 -> 1x1 -> C_th logits (Fig. 2).

    Args:
        in_channels: D, channels of the instance embedding.
        num_things_classes: C_th, at least 1.
        hidden_channels: Width between the two convolutions.
        prior_prob: Heatmap value the head starts with everywhere, in (0, 1). Nearly all pixels are
            background: from 0.5 the first steps would only learn to say no.
        separable: A depthwise-separable 5x5 convolution.
        norm_cfg: Norm after the 5x5 convolution.
        act_cfg: Activation after the 5x5 convolution.
        init_cfg: mmengine's initialization; None for the prior above.

    Raises:
        ValueError: No thing category, or ``prior_prob`` outside (0, 1).
    """

    def __init__(
        self,
        in_channels: int,
        num_things_classes: int,
        hidden_channels: int = 32,
        prior_prob: float = 0.1,
        separable: bool = False,
        norm_cfg: dict | None = dict(type='BN'),  # noqa: B006
        act_cfg: dict | None = dict(type='ReLU'),  # noqa: B006
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        if num_things_classes < 1:
            raise ValueError(
                'CentroidHeatmapHead: num_things_classes must be at least 1 (a heatmap channel per '
                f'thing category), got {num_things_classes}.'
            )
        if not 0 < prior_prob < 1:
            raise ValueError(
                f'CentroidHeatmapHead: prior_prob must be between 0 and 1, got {prior_prob}.'
            )
        if init_cfg is None:
            bias = float(bias_init_with_prob(prior_prob))
            predictor = dict(name='predictor', type='Normal', std=0.01, bias=bias)
            init_cfg = dict(type='Normal', override=predictor)
        super().__init__(init_cfg)
        self.num_things_classes = num_things_classes
        self.hidden = conv5x5(in_channels, hidden_channels, separable, norm_cfg, act_cfg)
        self.predictor = nn.Conv2d(hidden_channels, num_things_classes, 1)

    def forward(self, embedding: Tensor) -> Tensor:
        """Score every pixel as a centroid of each thing category.

        Args:
            embedding: I without positions, (B, D, h, w) float.

        Returns:
            Logits, (B, C_th, h, w) float; their sigmoid is the heatmap.
        """
        return self.predictor(self.hidden(embedding))
