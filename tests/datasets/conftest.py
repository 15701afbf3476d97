"""A tiny panoptic set on disk that tests then spoil in one way or another."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

CATEGORIES = [
    dict(id=30, name='sky', isthing=0),
    dict(id=7, name='car', isthing=1),
    dict(id=12, name='tree', isthing=0),
    dict(id=5, name='man', isthing=1),
]
# Labels: man 0, car 1, tree 2, sky 3.
METAINFO = dict(thing_classes=('man', 'car'), stuff_classes=('tree', 'sky'))


def write_ids(path: Path, id_map: np.ndarray) -> None:
    """Write ids as colors, R lowest."""
    id_map = np.asarray(id_map)
    channels = [id_map >> 16, id_map >> 8 & 255, id_map & 255]
    assert cv2.imwrite(str(path), np.stack(channels, axis=-1).astype(np.uint8))


class PanopticFolder:
    """Collects images of a set, writes them at once and the JSON when asked."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.content: dict[str, Any] = dict(
            categories=[dict(c) for c in CATEGORIES], images=[], annotations=[]
        )
        for name in ('images', 'maps'):
            (root / name).mkdir()

    def add(self, id_map: Any, segments: list[tuple], image_id: Any = None) -> None:
        """Add an image; `segments` are (id, category_id[, iscrowd])."""
        id_map = np.asarray(id_map)
        image_id = len(self.content['images']) if image_id is None else image_id
        names = dict(image=f'photo_{image_id}.jpg', map=f'labels_of_{image_id}.png')
        height, width = id_map.shape
        image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
        assert cv2.imwrite(str(self.root / 'images' / names['image']), image)
        write_ids(self.root / 'maps' / names['map'], id_map)
        self.content['images'].append(
            dict(id=image_id, file_name=names['image'], height=height, width=width)
        )
        infos = [dict(id=s[0], category_id=s[1], iscrowd=s[2] if s[2:] else 0) for s in segments]
        self.content['annotations'].append(
            dict(image_id=image_id, file_name=names['map'], segments_info=infos)
        )

    def arguments(self, **kwargs: Any) -> dict[str, Any]:
        """Write the JSON; arguments of PanopticDataset for it, updated by `kwargs`."""
        (self.root / 'panoptic.json').write_text(json.dumps(self.content))
        arguments = dict(
            ann_file='panoptic.json',
            data_root=str(self.root),
            data_prefix=dict(img='images', seg='maps'),
            metainfo=METAINFO,
            pipeline=[],
        )
        return arguments | kwargs


@pytest.fixture
def panoptic_folder(tmp_path: Path) -> PanopticFolder:
    """An empty set."""
    return PanopticFolder(tmp_path)


@pytest.fixture
def two_images(panoptic_folder: PanopticFolder) -> PanopticFolder:
    """One image with two cars under sky, one with nothing but void."""
    car, other, sky = 70000, 3, 256
    id_map = [
        [sky, sky, sky, sky, sky],
        [car, car, sky, sky, 0],
        [car, 0, 0, other, other],
    ]
    panoptic_folder.add(id_map, [(sky, 30), (other, 7), (car, 7)])
    panoptic_folder.add(np.zeros((4, 6), int), [])
    return panoptic_folder
