"""Panoptic data sets and the transforms that load and pack them."""

from .ade20k import ADE20K150PanopticDataset
from .cityscapes import CityscapesPanopticDataset
from .coco import Coco2017PanopticDataset
from .draws import ResumableSampler, SeededDataset
from .panoptic import PanopticDataset
from .transforms import GaussianBlur, LoadPanopticSegments, PackPanopticInputs
from .vistas import VistasPanopticDataset

__all__ = [
    'ADE20K150PanopticDataset',
    'CityscapesPanopticDataset',
    'Coco2017PanopticDataset',
    'GaussianBlur',
    'LoadPanopticSegments',
    'PackPanopticInputs',
    'PanopticDataset',
    'ResumableSampler',
    'SeededDataset',
    'VistasPanopticDataset',
]
