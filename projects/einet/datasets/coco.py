"""COCO 2017 panoptic: 80 things, 53 stuff classes."""

from collections.abc import Mapping
from typing import Any

from mmdet.datasets import CocoPanopticDataset
from mmdet.registry import DATASETS

from .panoptic import PanopticDataset

# Category ids by label: detection's ids have gaps; stuff classes were merged, which leaves others.
_UNUSED_THINGS = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
_THING_IDS = [i for i in range(1, 91) if i not in _UNUSED_THINGS]
# fmt: off
_STUFF_IDS = [
    92, 93, 95, 100, 107, 109, 112, 118, 119, 122, 125, 128, 130, 133, 138, 141, 144, 145, 147, 148,
    149, 151, 154, 155, 156, 159, 161, 166, 168, 171, 175, 176, 177, 178, 180, 181, 184,
    *range(185, 201),
]
# fmt: on


@DATASETS.register_module()
class Coco2017PanopticDataset(PanopticDataset):
    """:class:`PanopticDataset` with COCO's 133 classes and colors, in mmdet's order.

    Also reads ``image_info_test-dev2017.json`` in test mode: COCO's lists of test images have no
    annotations, and detection's categories in place of panoptic ones.
    """

    METAINFO = {
        key: CocoPanopticDataset.METAINFO[key]
        for key in ('classes', 'thing_classes', 'stuff_classes', 'palette')
    }

    def file_categories(self, content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """The file's categories; COCO's 133 where the file is a list of test images."""
        categories = content['categories']
        if 'annotations' in content or any(
            isinstance(category, dict) and 'isthing' in category for category in categories
        ):
            return categories
        return self.panoptic_categories()

    @classmethod
    def panoptic_categories(cls) -> list[Mapping[str, Any]]:
        """COCO's 133 categories, as ``panoptic_val2017.json`` lists them: id, name, isthing."""
        things, stuff = cls.METAINFO['thing_classes'], cls.METAINFO['stuff_classes']
        return [
            dict(id=category_id, name=name, isthing=is_thing)
            for ids, names, is_thing in ((_THING_IDS, things, 1), (_STUFF_IDS, stuff, 0))
            for category_id, name in zip(ids, names, strict=True)
        ]
