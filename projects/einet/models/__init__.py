"""The method's parts, each registered in mmdet's registry and usable alone."""

from .backbones import Xception41, Xception65, Xception71
from .center_criterion import PanopticDeepLabCriterion
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
    OffsetHead,
    SemanticEmbeddingHead,
    SemanticHead,
)
from .losses import (
    BootstrappedCrossEntropyLoss,
    CentroidRegularization,
    HeatmapFocalLoss,
    HeatmapMSELoss,
    InstancePullLoss,
    InstancePushLoss,
    InstanceSemanticConsistencyLoss,
    OffsetL1Loss,
    SemanticCenterLoss,
)
from .offset_fusion import OffsetPanopticFusion
from .outputs import EINetOutputs, PanopticDeepLabOutputs
from .panoptic_deeplab import PanopticDeepLab
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
    'OffsetHead',
    'OffsetL1Loss',
    'OffsetPanopticFusion',
    'PanopticDeepLab',
    'PanopticDeepLabCriterion',
    'PanopticDeepLabOutputs',
    'PanopticDetector',
    'SemanticCenterLoss',
    'SemanticCenters',
    'SemanticDecoder',
    'SemanticEmbeddingHead',
    'SemanticHead',
    'Xception41',
    'Xception65',
    'Xception71',
]
