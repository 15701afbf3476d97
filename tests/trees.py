"""Small data sets on disk with the folders and file names of the real ones, before any conversion.

Every maker takes the folder to fill, a number of images per split, their size (H, W) and a seed,
and returns the folder. Images are noise over one color per segment, so that a network has
something to learn; their content follows the seed alone. Scenes have what is awkward in the real
sets: things of one class that touch, a group region, void, and a thing of one pixel.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from .tree_scenes import Scene, make_scene, paint_image

SIZE = (96, 160)


def make_cityscapes_tree(
    folder: Path, train: int = 2, val: int = 2, test: int = 1, size=SIZE, seed: int = 0
) -> Path:
    """Cityscapes as its two archives leave it: 19 classes, groups, and labels that do not count.

    ``leftImg8bit/{train,val,test}/CITY/*_leftImg8bit.png``, and beside them in ``gtFine``
    ``*_gtFine_instanceIds.png`` (16 bit: 1000 x id + number; id alone for stuff and for groups),
    ``*_gtFine_labelIds.png`` and ``*_gtFine_labelTrainIds.png``. The test split's annotations are
    the dummies of the real one. Cities: aachen and bochum, frankfurt, berlin.
    """
    from cityscapesscripts.helpers.labels import labels

    counted = [label for label in labels if not label.ignoreInEval]
    things = [label.id for label in counted if label.hasInstances]
    stuff = [label.id for label in counted if not label.hasInstances]
    train_ids = np.zeros(256, np.uint8)
    for label in labels:
        train_ids[label.id % 256] = label.trainId % 256
    rng = np.random.default_rng(seed)
    for split, count in (('train', train), ('val', val), ('test', test)):
        cities = dict(train=('aachen', 'bochum'), val=('frankfurt',), test=('berlin',))[split]
        for index in range(count):
            city = cities[index % len(cities)]
            stem = f'{city}_{index:06d}_000019'
            scene = make_scene(rng, size, len(things), len(stuff))
            # Void: the car's own hood and, where there was stuff, a parking place.
            labels_map = np.where(scene.stuff < 0, 1, np.take(stuff, scene.stuff))
            labels_map[0, : size[1] // 4] = 9
            labels_map = np.where(scene.things < 0, labels_map, np.take(things, scene.things))
            is_object = (scene.things >= 0) & (scene.instances >= 0)
            ids = np.where(is_object, labels_map * 1000 + scene.instances, labels_map)
            if split == 'test':
                labels_map = ids = np.where(scene.stuff < 0, 1, 3)
            image = _path(folder, 'leftImg8bit', split, city, f'{stem}_leftImg8bit.png')
            _write(image, paint_image(rng, scene))
            for name, values in (
                ('instanceIds', ids.astype(np.uint16)),
                ('labelIds', labels_map.astype(np.uint8)),
                ('labelTrainIds', train_ids[labels_map]),
            ):
                _write(_path(folder, 'gtFine', split, city, f'{stem}_gtFine_{name}.png'), values)
    return folder


def make_vistas_tree(
    folder: Path, train: int = 2, val: int = 2, size=SIZE, seed: int = 0, version: str = ''
) -> Path:
    """Mapillary Vistas v1.2 as it is unpacked: 65 classes and Unlabeled.

    ``config.json``, and in ``{training,validation}``: ``images/KEY.jpg``, ``labels/KEY.png``
    (palette), ``instances/KEY.png`` (16 bit: 256 x label + number), ``panoptic/KEY.png`` and
    ``panoptic/panoptic_2018.json``, whose category ids are labels + 1. Keys have 22 characters.

    Args:
        folder: Folder to fill.
        train: Number of images.
        val: Number of images.
        size: (H, W).
        seed: Seed of everything random.
        version: ``v1.2`` puts the annotations one folder deeper, as release 2.0 has them.
    """
    from mmseg.datasets import MapillaryDataset_v1

    from einet.datasets import VistasPanopticDataset

    names = MapillaryDataset_v1.METAINFO['classes']
    palette = MapillaryDataset_v1.METAINFO['palette']
    is_thing = [name in VistasPanopticDataset.METAINFO['thing_classes'] for name in names]
    things = [i for i, thing in enumerate(is_thing) if thing]
    stuff = [i for i, thing in enumerate(is_thing[:-1]) if not thing]
    labels = [
        dict(color=color, instances=thing, readable=name, evaluate=name != 'Unlabeled', name=name)
        for name, color, thing in zip(names, palette, is_thing, strict=True)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / (f'config_{version}.json' if version else 'config.json')
    config.write_text(json.dumps(dict(labels=labels, version=1.2, mapping='public')))
    categories = [
        dict(id=i + 1, name=name, supercategory=name, isthing=int(thing), color=color)
        for i, (name, thing, color) in enumerate(zip(names, is_thing, palette, strict=True))
        if name != 'Unlabeled'
    ]
    rng = np.random.default_rng(seed)
    for split, count in (('training', train), ('validation', val)):
        content: dict[str, Any] = dict(categories=categories, images=[], annotations=[])
        for index in range(count):
            key = f'_{split[:5]}-{seed:02d}_{index:012d}'[:22].ljust(22, 'x')
            scene = make_scene(rng, size, len(things), len(stuff))
            label_map = np.where(scene.stuff < 0, 65, np.take(stuff, scene.stuff))
            label_map = np.where(scene.things < 0, label_map, np.take(things, scene.things))
            numbers = np.maximum(scene.instances, 0)
            _write(_path(folder, split, 'images', f'{key}.jpg'), paint_image(rng, scene))
            png = Image.fromarray(label_map.astype(np.uint8), mode='P')
            png.putpalette(np.uint8(palette).tobytes())
            png.save(_path(folder, split, version, 'labels', f'{key}.png'))
            instances = _path(folder, split, version, 'instances', f'{key}.png')
            _write(instances, (label_map * 256 + numbers).astype(np.uint16))
            annotation = _write_panoptic(
                folder / split / version / 'panoptic', key, scene, label_map
            )
            image = dict(id=key, file_name=f'{key}.jpg', height=size[0], width=size[1])
            content['images'].append(image)
            content['annotations'].append(annotation)
        path = _path(folder, split, version, 'panoptic', 'panoptic_2018.json')
        path.write_text(json.dumps(content))
    return folder


def make_ade20k_tree(folder: Path, train: int = 2, val: int = 2, size=SIZE, seed: int = 0) -> Path:
    """ADEChallengeData2016 with ChallengeData2017's instances: 150 classes, 100 of them things.

    In ``images``, ``annotations`` and ``annotations_instance``, each with ``training`` and
    ``validation``: ``ADE_train_00000001.jpg`` or ``.png``. In ``annotations`` 1..150 is the class,
    0 void; in ``annotations_instance`` R is the class (1..100), G the number of the instance in the
    image. A group has its class in ``annotations`` alone.
    """
    from einet.datasets.ade20k import SEMANTIC_INDEX

    things, stuff = SEMANTIC_INDEX[:100], SEMANTIC_INDEX[100:]
    rng = np.random.default_rng(seed)
    for split, prefix, count in (('training', 'train', train), ('validation', 'val', val)):
        for index in range(count):
            stem = f'ADE_{prefix}_{index + 1:08d}'
            scene = make_scene(rng, size, len(things), len(stuff))
            semantic = np.where(scene.stuff < 0, 0, np.take(stuff, scene.stuff) + 1)
            semantic = np.where(scene.things < 0, semantic, np.take(things, scene.things) + 1)
            is_object = (scene.things >= 0) & (scene.instances >= 0)
            codes = np.where(is_object, (scene.things + 1) * 256 + scene.instances, 0)
            found, number = np.unique(codes, return_inverse=True)
            instances = np.zeros((*size, 3), np.uint8)
            instances[..., 0] = codes >> 8
            instances[..., 1] = number.reshape(size)
            assert found[0] == 0
            _write(_path(folder, 'images', split, f'{stem}.jpg'), paint_image(rng, scene))
            _write(_path(folder, 'annotations', split, f'{stem}.png'), semantic.astype(np.uint8))
            _write(_path(folder, 'annotations_instance', split, f'{stem}.png'), instances)
    return folder


def _write_panoptic(folder: Path, key: str, scene: Scene, label_map: np.ndarray) -> dict[str, Any]:
    """PNG of ids as colors, and its entry in the JSON."""
    code = label_map * 1000 + np.where(scene.things < 0, 0, scene.instances + 1)
    id_map, segments = np.zeros(code.shape, int), []
    for number, value in enumerate(np.unique(code[label_map != 65]).tolist(), start=1):
        mask = code == value
        segment_id = number * 7919
        id_map[mask] = segment_id
        y, x = np.nonzero(mask)
        box = [x.min(), y.min(), x.max() - x.min() + 1, y.max() - y.min() + 1]
        is_crowd = int(scene.things[mask][0] >= 0 and value % 1000 == 0)
        segments.append(
            dict(
                id=segment_id,
                category_id=value // 1000 + 1,
                iscrowd=is_crowd,
                area=len(x),
                bbox=[int(v) for v in box],
            )
        )
    colors = np.stack([id_map & 255, id_map >> 8 & 255, id_map >> 16], axis=-1)
    _write(_path(folder, f'{key}.png'), colors.astype(np.uint8))
    return dict(image_id=key, file_name=f'{key}.png', segments_info=segments)


def _path(*parts: Any) -> Path:
    """A path whose folder exists."""
    path = Path(*parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _write(path: Path, values: np.ndarray) -> None:
    """Write a map, or an RGB image."""
    values = values[..., ::-1] if values.ndim == 3 else values
    assert cv2.imwrite(str(path), values)
