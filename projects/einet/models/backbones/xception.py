"""Aligned Xception-41, 65 and 71, the paper's larger encoder.

Architecture: F. Chollet, "Xception", 2017, aligned as in L.-C. Chen et al., "Encoder-Decoder with
Atrous Separable Convolution" (DeepLabV3+), 2018. Parameter names are those of timm's
``xception41``, ``xception65`` and ``xception71``, so that their ImageNet weights load by name.

Shape shorthand:
    B: images of a batch
    H, W: image
"""

from collections.abc import Sequence

import torch.nn.functional as F
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..recomputation import turn_on_recomputation
from .xception_blocks import ConvNorm, XceptionBlock

# (width, stride) of each block; all three networks share the exit flow.
ENTRY_SHORT = ((128, 2), (256, 2), (728, 2))
ENTRY_LONG = ((128, 2), (256, 1), (256, 2), (728, 1), (728, 2))
EXIT = (((728, 1024, 1024), 2), ((1536, 1536, 2048), 1))


class Xception(BaseModule):
    """Aligned Xception with five features, at strides 2, 4, 8, 16 and 32 or what is left of it.

    Channels are 128, 256, 728, 1024 and 2048. Strides beyond ``output_stride`` become dilation.
    A feature of a W-wide image is ceil(W / stride) wide.

    With timm's weights, images are RGB and normalized with mean = std = 127.5.

    Args:
        out_indices: Which of the five features ``forward`` returns. By default those of stride 4,
            8 and the last. Leaving out the last (4) leaves layers without gradient.
        output_stride: 8, 16 or 32.
        num_classes: Width of an ImageNet classifier, used by ``classify`` only; None for none.
        in_channels: Channels of the image.
        norm_cfg: Norm layer; eps is 1e-3 unless given, as the published weights were trained with.
        frozen_stages: -1 freezes nothing, 0 the stem, k the stem and the blocks up to the one that
            gives feature k - 1.
        norm_eval: Keep batch norms at their stored statistics in training.
        with_cp: Recompute each block's activations in the backward pass to save memory.
        init_cfg: mmengine's initialization, such as ``dict(type='Pretrained', checkpoint=...)``;
            None for Kaiming's.

    Raises:
        ValueError: An ``output_stride``, index or stage that does not exist.
    """

    entry: tuple[tuple[int, int], ...]
    num_middle: int
    feature_channels = (128, 256, 728, 1024, 2048)

    def __init__(
        self,
        out_indices: Sequence[int] = (1, 2, 4),
        output_stride: int = 16,
        num_classes: int | None = None,
        in_channels: int = 3,
        norm_cfg: dict = dict(type='BN'),  # noqa: B006
        frozen_stages: int = -1,
        norm_eval: bool = False,
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        # Depthwise filters read one channel: their fan-out would be off by the channel count.
        super().__init__(init_cfg or dict(type='Kaiming', layer='Conv2d', mode='fan_in'))
        self._check(out_indices, output_stride, frozen_stages)
        self.out_indices = tuple(out_indices)
        self.out_channels = tuple(self.feature_channels[i] for i in out_indices)
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval

        norm_cfg = {'eps': 1e-3, **norm_cfg}
        self.stem = nn.ModuleList(
            [ConvNorm(in_channels, 32, 3, 2, norm_cfg), ConvNorm(32, 64, 3, 1, norm_cfg)]
        )
        self._make_blocks(output_stride, norm_cfg)
        if with_cp:
            turn_on_recomputation(self, ['blocks'])
        self.head = None
        if num_classes is not None:
            self.head = nn.ModuleDict({'fc': nn.Linear(self.feature_channels[-1], num_classes)})
        self._freeze()

    def _check(self, out_indices: Sequence[int], output_stride: int, frozen_stages: int) -> None:
        """Reject settings that do not exist."""
        name = type(self).__name__
        if output_stride not in (8, 16, 32):
            raise ValueError(f'{name}: output_stride must be 8, 16 or 32, got {output_stride}.')
        if not out_indices or not all(0 <= i < 5 for i in out_indices):
            raise ValueError(
                f'{name}: out_indices must be from 0 to 4 (strides 2, 4, 8, 16 and the last), got '
                f'{tuple(out_indices)}.'
            )
        if not -1 <= frozen_stages <= 5:
            raise ValueError(f'{name}: frozen_stages must be from -1 to 5, got {frozen_stages}.')

    def _make_blocks(self, output_stride: int, norm_cfg: dict) -> None:
        """Build entry, middle and exit flow, and note where the features come from.

        Sets ``feature_blocks``: the blocks that give features 0 to 4; and ``feature_strides``.
        """
        table = [((width,) * 3, stride) for width, stride in self.entry]
        table += [((728,) * 3, 1)] * self.num_middle + list(EXIT)
        self.blocks = nn.ModuleList()
        feature_blocks, feature_strides = [], []
        channels, total_stride, dilation = 64, 2, 1
        for index, (widths, wanted_stride) in enumerate(table):
            stride, block_dilation = wanted_stride, dilation
            if wanted_stride > 1:
                feature_blocks.append(index)
                feature_strides.append(total_stride)
                if total_stride * wanted_stride > output_stride:
                    # This block still sees the undilated grid; the ones behind it do not.
                    stride, dilation = 1, dilation * wanted_stride
                total_stride *= stride
            last = index == len(table) - 1
            # By the published stride, not the dilated one: the weights must fit at any stride.
            project = not last and (wanted_stride > 1 or widths[-1] != channels)
            self.blocks.append(
                XceptionBlock(channels, widths, stride, block_dilation, project, norm_cfg, last)
            )
            channels = widths[-1]
        self.feature_blocks = (*feature_blocks, len(table) - 1)
        self.feature_strides = (*feature_strides, total_stride)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Encode.

        Args:
            x: Normalized image, (B, in_channels, H, W) float.

        Returns:
            The features of ``out_indices``, each (B, feature_channels[i], ceil(H / s_i),
            ceil(W / s_i)) with s = ``feature_strides``.
        """
        for layer in self.stem:
            x = F.relu(layer(x), inplace=True)
        features = []
        for index, block in enumerate(self.blocks):
            x, before = block(x)
            if index in self.feature_blocks[:-1]:
                features.append(before)
        features.append(x)
        return tuple(features[i] for i in self.out_indices)

    def classify(self, x: Tensor) -> Tensor:
        """Score the ImageNet classes.

        Args:
            x: The last feature (index 4), (B, 2048, h, w) float.

        Returns:
            Logits, (B, num_classes) float.

        Raises:
            RuntimeError: The network was built without ``num_classes``.
        """
        if self.head is None:
            raise RuntimeError(
                f'{type(self).__name__}: no classifier; build it with num_classes=1000.'
            )
        return self.head['fc'](x.mean(dim=(2, 3)))

    def train(self, mode: bool = True) -> 'Xception':
        """Switch mode; frozen stages, and with ``norm_eval`` all batch norms, stay in eval."""
        super().train(mode)
        self._freeze()
        if mode and self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self

    def _freeze(self) -> None:
        """Stop gradients and statistics of the frozen stages."""
        if self.frozen_stages < 0:
            return
        frozen = [self.stem]
        if self.frozen_stages > 0:
            frozen += self.blocks[: self.feature_blocks[self.frozen_stages - 1] + 1]
        for module in frozen:
            module.eval()
            module.requires_grad_(False)


@MODELS.register_module()
class Xception41(Xception):
    """Aligned Xception-41; arguments as `Xception`."""

    entry = ENTRY_SHORT
    num_middle = 8


@MODELS.register_module()
class Xception65(Xception):
    """Aligned Xception-65; arguments as `Xception`."""

    entry = ENTRY_SHORT
    num_middle = 16


@MODELS.register_module()
class Xception71(Xception):
    """Aligned Xception-71, the paper's; arguments as `Xception`."""

    entry = ENTRY_LONG
    num_middle = 16
