"""Transforms that know about panoptic annotations; all others are mmcv's, mmdet's and mmseg's."""

from .formatting import PackPanopticInputs
from .loading import LoadPanopticSegments

__all__ = ['LoadPanopticSegments', 'PackPanopticInputs']
