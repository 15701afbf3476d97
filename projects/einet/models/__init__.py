"""The method's parts, each registered in mmdet's registry and usable alone."""

from .backbones import Xception41, Xception65, Xception71
from .criterion import EINetCriterion
from .decoders import InstanceDecoder, SemanticDecoder
from .detector import PanopticDetector
from .einet import EINet
from .esm import ESM
from .fusion import EmbeddingPanopticFusion
from .heads import (
    CentroidHeatmapHead,
    InstanceEmbeddingHead,
    InteractionHead,
    SemanticEmbeddingHead,
)
from .losses import (
    BootstrappedCrossEntropyLoss,
    CentroidRegularization,
    HeatmapFocalLoss,
    HeatmapMSELoss,
    InstancePullLoss,
    InstancePushLoss,
    InstanceSemanticConsistencyLoss,
    SemanticCenterLoss,
)
from .outputs import EINetOutputs
from .preprocessor import PanopticDataPreprocessor
from .semantic_centers import SemanticCenters
from .tta import EINetTTA

__all__ = [
    'ESM',
    'BootstrappedCrossEntropyLoss',
    'CentroidHeatmapHead',
    'CentroidRegularization',
    'EINet',
    'EINetCriterion',
    'PanopticDataPreprocessor',
    'EINetOutputs',
    'EINetTTA',
    'EmbeddingPanopticFusion',
    'HeatmapFocalLoss',
    'HeatmapMSELoss',
    'InstanceDecoder',
    'InstanceEmbeddingHead',
    'InstancePullLoss',
    'InstancePushLoss',
    'InstanceSemanticConsistencyLoss',
    'InteractionHead',
    'PanopticDetector',
    'SemanticCenterLoss',
    'SemanticCenters',
    'SemanticDecoder',
    'SemanticEmbeddingHead',
    'Xception41',
    'Xception65',
    'Xception71',
]
