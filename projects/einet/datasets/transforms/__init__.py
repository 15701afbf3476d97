"""Panoptic annotations and blur; all other transforms are those of mmcv, mmdet and mmseg."""

from .blur import GaussianBlur
from .formatting import PackPanopticInputs
from .loading import LoadPanopticSegments

__all__ = ['GaussianBlur', 'LoadPanopticSegments', 'PackPanopticInputs']
