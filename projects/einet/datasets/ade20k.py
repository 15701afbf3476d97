"""ADE20K panoptic (SceneParse150 with instances): 100 things, 50 stuff classes."""

from mmdet.datasets.ade20k import (
    ADE20KInstanceDataset,
    ADE20KPanopticDataset,
    ADE20KSegDataset,
)
from mmdet.registry import DATASETS

from .panoptic import PanopticDataset

# Names by semantic id - 1; some end in a blank.
_SEMANTIC = [name.strip() for name in ADE20KSegDataset.METAINFO['classes']]
_THINGS = [_SEMANTIC.index(name) for name in ADE20KInstanceDataset.METAINFO['classes']]
_STUFF = sorted(set(range(len(_SEMANTIC))) - set(_THINGS))

#: By label: the value in ``annotations/*.png`` (from 1) minus 1, which is also the category id in
#: Mask2Former's files. Class k (from 1) of ``annotations_instance`` is label k - 1.
SEMANTIC_INDEX = (*_THINGS, *_STUFF)


@DATASETS.register_module()
class ADE20K150PanopticDataset(PanopticDataset):
    """ADE20K as ``tools/dataset_converters/ade20k.py`` writes it, with mmdet's class names.

    Image ids are strings. Colors are SceneParse150's for each class; mmdet's own
    ``ADE20KPanopticDataset`` has the same ones in another order than its classes.
    """

    METAINFO = {
        'thing_classes': ADE20KPanopticDataset.METAINFO['thing_classes'],
        'stuff_classes': ADE20KPanopticDataset.METAINFO['stuff_classes'],
        'palette': [ADE20KSegDataset.METAINFO['palette'][i] for i in SEMANTIC_INDEX],
    }
