"""COCO 2017 panoptic: 80 things, 53 stuff classes."""

from mmdet.datasets import CocoPanopticDataset
from mmdet.registry import DATASETS

from .panoptic import PanopticDataset


@DATASETS.register_module()
class Coco2017PanopticDataset(PanopticDataset):
    """:class:`PanopticDataset` with COCO's 133 classes and colours, in mmdet's order."""

    METAINFO = {
        key: CocoPanopticDataset.METAINFO[key]
        for key in ('classes', 'thing_classes', 'stuff_classes', 'palette')
    }
