"""Panoptic data sets and the transforms that load and pack them."""

from .cityscapes import CityscapesPanopticDataset
from .coco import Coco2017PanopticDataset
from .panoptic import PanopticDataset
from .transforms import LoadPanopticSegments, PackPanopticInputs

__all__ = [
    'CityscapesPanopticDataset',
    'Coco2017PanopticDataset',
    'LoadPanopticSegments',
    'PackPanopticInputs',
    'PanopticDataset',
]
