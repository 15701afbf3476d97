"""A copy of a detector's network that predicts the same in less time on a CPU.

Batch norms are folded into the convolutions before them, the classifier of S into the convolution
that makes S, and dense 3x3 and 5x5 convolutions become Winograd's; memory has the channels last.
The maps differ by rounding, about 1e-5 of their scale.

Shape shorthand:
    B: images of a batch
    C, C': channels of the input, of the output
    k: side of a kernel
    h, w: map
"""

from __future__ import annotations

import copy
from itertools import pairwise

import torch
from mmcv.cnn import ConvModule
from mmdet.models.backbones import resnet as mmdet_resnet
from mmseg.models.backbones import resnet as mmseg_resnet
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..functional.winograd import winograd_conv2d, winograd_weight
from .backbones.xception_blocks import ConvNorm, SeparableConv
from .detector import PanopticDetector
from .einet import EINet
from .fusion import EmbeddingPanopticFusion
from .heads import InstanceEmbeddingHead, SemanticEmbeddingHead
from .outputs import PredictionMaps

# Modules whose forward gives a norm what the convolution before it, among the children, puts out.
_NORM_AFTER_CONV = {
    ConvModule,
    ConvNorm,
    SeparableConv,
    nn.Sequential,
    *(mmdet_resnet.ResNet, mmdet_resnet.BasicBlock, mmdet_resnet.Bottleneck),
    *(mmseg_resnet.ResNet, mmseg_resnet.BasicBlock, mmseg_resnet.Bottleneck),
}
# The parts of an EINet whose insides are made use of.
_KNOWN_PARTS = {
    'semantic_head': SemanticEmbeddingHead,
    'instance_head': InstanceEmbeddingHead,
    'fusion': EmbeddingPanopticFusion,
}
# Products of both channels from which Winograd's convolution is the faster one, by kernel size.
_WINOGRAD_FROM = {3: 128 * 128, 5: 64 * 64}


def predict_with_copy(model: nn.Module) -> None:
    """Let detectors predict with a faster copy of their network, where that is one.

    They themselves and their checkpoints stay as they are. A detector forgets its copy when it is
    trained, moved or gets other weights; who changes weights in place calls this again. Nothing
    happens on a GPU, in half precision and to compiled detectors.

    Args:
        model: Detector of ours with its trained weights, or a model that holds one.
    """
    for detector in list(model.modules()):
        if not isinstance(detector, PanopticDetector) or detector.is_compiled:
            continue
        kinds = {(weight.device.type, weight.dtype) for weight in detector.parameters()}
        if kinds == {('cpu', torch.float32)}:
            detector.predict_with(_faster_network(detector).forward)


def fold_norms(network: nn.Module) -> None:
    """Fold batch norms into the convolutions before them, in place.

    Only where the one surely follows the other: in mmcv's ConvModule, in sequences, in ResNets and
    Xceptions. ``mmcv.cnn.fuse_conv_bn`` goes by the order of children alone, and would also take
    a norm that comes after the activation.

    Args:
        network: In evaluation mode.
    """
    for parent in list(network.modules()):
        if type(parent) not in _NORM_AFTER_CONV or not _norms_at_once(parent):
            continue
        for (name, conv), (norm_name, norm) in pairwise(list(parent.named_children())):
            if _is_plain(conv) and _has_statistics(norm):
                setattr(parent, name, fuse_conv_bn_eval(conv, norm))
                setattr(parent, norm_name, nn.Identity())


def join_linear(first: nn.Conv2d, second: nn.Conv2d) -> nn.Conv2d:
    """One convolution in place of two, of which nothing is between and the second is 1x1.

    Args:
        first: From C channels; with zeros around the map, and a bias.
        second: To C' channels; with a bias.

    Returns:
        From C to C' channels, with the first one's kernel size.
    """
    joined = nn.Conv2d(
        first.in_channels, second.out_channels, first.kernel_size, padding=first.padding
    )
    matrix = second.weight.flatten(1).double()
    weight = torch.tensordot(matrix, first.weight.double(), dims=1)
    bias = matrix @ first.bias.double() + second.bias.double()
    joined.load_state_dict(dict(weight=weight, bias=bias))
    return joined


class WinogradConv2d(nn.Module):
    """A dense convolution that keeps the map's size, see :mod:`einet.functional.winograd`.

    Args:
        conv: The convolution that it stands for.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.kernel_size = conv.kernel_size[0]
        self.dilation = conv.dilation[0]
        self.register_buffer('weight', winograd_weight(conv.weight))
        self.register_buffer('bias', conv.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, h, w) to (B, C', h, w)."""
        return winograd_conv2d(x, self.weight, self.bias, self.kernel_size, self.dilation)


class _EINetMaps(nn.Module):
    """What :class:`EmbeddingPanopticFusion` reads; neither S nor attention is computed.

    Args:
        model: EINet with this package's own heads.
    """

    def __init__(self, model: EINet) -> None:
        super().__init__()
        self.model = model
        head = model.semantic_head
        *before, last = _layers(head.embedding)
        layers = [last, head.classifier]
        if _is_cheaper_joined(*layers):
            layers = [join_linear(*layers)]
        self.classifier = nn.Sequential(*before, *layers)

    def forward(self, batch_inputs: Tensor) -> PredictionMaps:
        """Compute the maps of a batch (B, 3, H, W)."""
        features = self.model.extract_feat(batch_inputs)
        head = self.model.instance_head
        raw = head.embedding(self.model.instance_decoder(features))
        return PredictionMaps(
            semantic_logits=self.classifier(self.model.semantic_decoder(features)),
            instance_embedding=head.located(raw),
            heatmap_logits=self.model.centroid_head(raw),
        )


def _faster_network(model: PanopticDetector) -> nn.Module:
    """A copy of the network that gives what the fusion reads."""
    network: nn.Module = copy.deepcopy(model).eval()
    parts = (type(model), *(type(getattr(model, name, None)) for name in _KNOWN_PARTS))
    if parts == (EINet, *_KNOWN_PARTS.values()):
        network = _EINetMaps(network)
    fold_norms(network)
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if _suits_winograd(child):
                setattr(parent, name, WinogradConv2d(child))
    return network.requires_grad_(False).to(memory_format=torch.channels_last)


def _layers(module: nn.Module) -> list[nn.Module]:
    return list(module) if isinstance(module, nn.Sequential) else [module]


def _norms_at_once(parent: nn.Module) -> bool:
    """Whether a module norms what its convolution puts out; in a ConvModule the order is free."""
    if not isinstance(parent, ConvModule):
        return True
    after = parent.order.index('norm') == parent.order.index('conv') + 1
    return after and parent.efficient_conv_bn_eval_forward is None


def _is_plain(module: nn.Module) -> bool:
    """Whether a module is a convolution and nothing more, such as one with a spectral norm."""
    return type(module) is nn.Conv2d and not module._forward_pre_hooks


def _has_statistics(norm: nn.Module) -> bool:
    return isinstance(norm, nn.modules.batchnorm._BatchNorm) and norm.running_var is not None


def _is_cheaper_joined(first: nn.Conv2d, second: nn.Conv2d) -> bool:
    """Whether one convolution for two needs no more multiplications."""
    taps = first.in_channels * first.kernel_size[0] * first.kernel_size[1]
    middle, last = first.out_channels, second.out_channels
    return last * taps <= middle * (taps + last)


def _suits_winograd(module: nn.Module) -> bool:
    """Whether a module is a convolution that Winograd's can stand for, and is faster."""
    if not _is_plain(module):
        return False
    side, dilation = module.kernel_size[0], module.dilation[0]
    margin = side // 2 * dilation
    wanted = dict(
        kernel_size=(side, side), stride=(1, 1), padding=(margin, margin), groups=1,
        dilation=(dilation, dilation), padding_mode='zeros',
    )  # fmt: skip
    if any(getattr(module, name) != value for name, value in wanted.items()):
        return False
    # Larger dilations, as ASPP's, leave maps too small for the tiles.
    products = module.in_channels * module.out_channels
    return dilation <= 2 and products >= _WINOGRAD_FROM.get(side, products + 1)
