"""Mapillary Vistas v1.2 panoptic: 37 things, 28 stuff classes."""

from mmdet.registry import DATASETS
from mmseg.datasets import MapillaryDataset_v1

from .panoptic import PanopticDataset

# Classes and colors in the release's order; its last one, Unlabeled, is void.
_COLORS = dict(
    zip(
        MapillaryDataset_v1.METAINFO['classes'],
        MapillaryDataset_v1.METAINFO['palette'],
        strict=True,
    )
)
_COLORS.pop('Unlabeled')
# `instances` is false for these in the release's config.json.
_STUFF = (
    'Curb',
    'Fence',
    'Guard Rail',
    'Barrier',
    'Wall',
    'Bike Lane',
    'Curb Cut',
    'Parking',
    'Pedestrian Area',
    'Rail Track',
    'Road',
    'Service Lane',
    'Sidewalk',
    'Bridge',
    'Building',
    'Tunnel',
    'Lane Marking - General',
    'Mountain',
    'Sand',
    'Sky',
    'Snow',
    'Terrain',
    'Vegetation',
    'Water',
    'Pothole',
    'On Rails',
    'Car Mount',
    'Ego Vehicle',
)
_THINGS = tuple(name for name in _COLORS if name not in _STUFF)


@DATASETS.register_module()
class VistasPanopticDataset(PanopticDataset):
    """Mapillary Vistas v1.2 as ``tools/dataset_converters/vistas.py`` lists it.

    Image ids are strings. The file mixes things and stuff; labels are things first, each in the
    release's order.
    """

    METAINFO = {
        'thing_classes': _THINGS,
        'stuff_classes': _STUFF,
        'palette': [_COLORS[name] for name in (*_THINGS, *_STUFF)],
    }
