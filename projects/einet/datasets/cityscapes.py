"""Cityscapes panoptic: 8 things, 11 stuff classes."""

import os.path as osp
from collections.abc import Mapping
from typing import Any

from mmdet.registry import DATASETS
from mmseg.datasets import CityscapesDataset

from .panoptic import PanopticDataset

_COLORS = dict(
    zip(CityscapesDataset.METAINFO['classes'], CityscapesDataset.METAINFO['palette'], strict=True)
)
_NUM_STUFF = 11  # train ids 0..10 are stuff, 11..18 things


@DATASETS.register_module()
class CityscapesPanopticDataset(PanopticDataset):
    """Cityscapes as cityscapesScripts' ``createPanopticImgs`` writes it, with ids or train ids.

    Image ids are strings. The file lists stuff first; labels are things first all the same, and
    ``category_ids`` maps them back. The file calls images
    ``aachen_000000_000019_gtFine_leftImg8bit.png``; on disk they are
    ``aachen/aachen_000000_000019_leftImg8bit.png``.
    """

    METAINFO = {
        'thing_classes': tuple(_COLORS)[_NUM_STUFF:],
        'stuff_classes': tuple(_COLORS)[:_NUM_STUFF],
        'palette': [*list(_COLORS.values())[_NUM_STUFF:], *list(_COLORS.values())[:_NUM_STUFF]],
    }

    def image_file(self, image: Mapping[str, Any]) -> str:
        """City folder and name on disk; a name that already has a folder is left alone."""
        name = image['file_name'].replace('_gtFine_leftImg8bit', '_leftImg8bit')
        return name if '/' in name else f'{name.split("_")[0]}/{name}'

    def result_file(self, image: Mapping[str, Any]) -> str:
        """Name without the city's folder: it holds the city, and the server wants flat files."""
        return osp.basename(self.image_file(image))
