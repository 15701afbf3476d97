"""A small valid panoptic set with its config, that tests then spoil in one way or another."""

import copy
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.config import Config

from tests.datasets.conftest import CATEGORIES, METAINFO, write_ids

SKY, TREE, MAN, CAR, CROWD = 256, 3, 70000, 9, 11
HEIGHT, WIDTH = 40, 48
CATEGORY_OF = {SKY: 30, TREE: 12, MAN: 5, CAR: 7, CROWD: 7}


def valid_map() -> np.ndarray:
    """Sky above tree, a man, a car, a crowd of cars, and 4 x 8 pixels of void."""
    id_map = np.full((HEIGHT, WIDTH), SKY)
    id_map[20:] = TREE
    id_map[8:20, 4:16] = MAN
    id_map[22:36, 20:40] = CAR
    id_map[:4, 40:] = CROWD
    id_map[36:, :8] = 0
    return id_map


def slow_segment(id_map: np.ndarray, segment_id: int, category_id: int) -> dict[str, Any]:
    """An entry of ``segments_info``, pixel by pixel."""
    ys, xs = np.nonzero(id_map == segment_id)
    box = [xs.min(), ys.min(), xs.max() - xs.min() + 1, ys.max() - ys.min() + 1]
    crowd = int(segment_id == CROWD)
    return dict(
        id=segment_id,
        category_id=category_id,
        iscrowd=crowd,
        area=len(xs),
        bbox=[int(value) for value in box],
    )


class SmallSet:
    """Three training and two validation images; files are on disk, the JSONs after :meth:`save`.

    Attributes:
        content: Contents of the JSONs, by split.
        settings: Those of the config.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        rng = np.random.default_rng(0)
        self.content = {}
        for split, count in (('train', 3), ('val', 2)):
            for folder in (self.image_folder(split), self.maps(split)):
                folder.mkdir()
            self.content[split] = dict(categories=copy.deepcopy(CATEGORIES))
            self.content[split] |= dict(images=[], annotations=[])
            for number in range(count):
                self._add(split, number, rng)
        loaders = {f'{split}_dataloader': self._loader(split) for split in self.content}
        model = dict(type='EINet', num_things_classes=2, num_stuff_classes=2)
        self.settings = dict(model=model, **loaders, test_dataloader=self._loader('val'))

    def image_folder(self, split: str) -> Path:
        return self.root / split

    def maps(self, split: str) -> Path:
        return self.root / f'{split}_maps'

    def image(self, number: int = 0, split: str = 'train') -> dict[str, Any]:
        return self.content[split]['images'][number]

    def annotation(self, number: int = 0, split: str = 'train') -> dict[str, Any]:
        return self.content[split]['annotations'][number]

    def segment(self, segment_id: int, number: int = 0, split: str = 'train') -> dict[str, Any]:
        segments = self.annotation(number, split)['segments_info']
        return next(segment for segment in segments if segment['id'] == segment_id)

    def image_path(self, number: int = 0, split: str = 'train') -> Path:
        return self.image_folder(split) / self.image(number, split)['file_name']

    def map_path(self, number: int = 0, split: str = 'train') -> Path:
        return self.maps(split) / self.annotation(number, split)['file_name']

    def paint(self, id_map: np.ndarray, categories: dict[int, int], number: int = 0) -> None:
        """Replace a training image's map and segments."""
        write_ids(self.map_path(number), id_map)
        self.annotation(number)['segments_info'] = [
            slow_segment(id_map, segment_id, category)
            for segment_id, category in categories.items()
        ]

    def save(self) -> str:
        """Write the JSONs and the config; returns the config's path."""
        for split, content in self.content.items():
            (self.root / f'{split}.json').write_text(json.dumps(content))
        path = self.root / 'config.py'
        Config(self.settings).dump(path)
        return str(path)

    def _add(self, split: str, number: int, rng: np.random.Generator) -> None:
        name, png = f'photo_{number}.jpg', f'labels_of_{number}.png'
        pixels = rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
        assert cv2.imwrite(str(self.image_folder(split) / name), pixels)
        id_map = valid_map()
        write_ids(self.maps(split) / png, id_map)
        image = dict(id=number, file_name=name, height=HEIGHT, width=WIDTH)
        segments = [slow_segment(id_map, i, category) for i, category in CATEGORY_OF.items()]
        self.content[split]['images'].append(image)
        self.content[split]['annotations'].append(
            dict(image_id=number, file_name=png, segments_info=segments)
        )

    def _loader(self, split: str) -> dict[str, Any]:
        dataset = dict(
            type='PanopticDataset',
            data_root=str(self.root),
            ann_file=f'{split}.json',
            data_prefix=dict(img=split, seg=f'{split}_maps'),
            metainfo=copy.deepcopy(METAINFO),
            test_mode=split != 'train',
            pipeline=[
                dict(type='LoadImageFromFile'),
                dict(type='LoadPanopticSegments'),
                dict(type='PackPanopticInputs'),
            ],
        )
        return dict(batch_size=1, num_workers=0, dataset=dataset)
