"""What mmcv, mmdet and mmseg lack: panoptic annotations, and blur. All other transforms are theirs."""

from .blur import GaussianBlur
from .formatting import PackPanopticInputs
from .loading import LoadPanopticSegments

__all__ = ['GaussianBlur', 'LoadPanopticSegments', 'PackPanopticInputs']
