"""Panoptic-DeepLab from EINet's parts: the baseline, each part registered in mmdet's registry."""

from .criterion import PanopticDeepLabCriterion
from .detector import PanopticDeepLab
from .fusion import OffsetPanopticFusion
from .losses import OffsetL1Loss
from .offset_head import OffsetHead
from .outputs import PanopticDeepLabOutputs
from .semantic_head import SemanticHead

__all__ = [
    'OffsetHead',
    'OffsetL1Loss',
    'OffsetPanopticFusion',
    'PanopticDeepLab',
    'PanopticDeepLabCriterion',
    'PanopticDeepLabOutputs',
    'SemanticHead',
]
