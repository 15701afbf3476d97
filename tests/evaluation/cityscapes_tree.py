"""A few tiny images in Cityscapes' layout with what its rules are about, and predictions."""

import contextlib
import io
from pathlib import Path

import cv2
import numpy as np
import torch

from einet.datasets import CityscapesPanopticDataset

HEIGHT, WIDTH = 120, 200
ROAD, BUILDING, PARKING, EGO, CAR, PERSON, CARAVAN, BICYCLE = 7, 11, 9, 1, 26, 24, 29, 33


def make_tree(folder: Path, num: int = 4) -> Path:
    """Images, instanceIds, labelIds, and the panoptic set that cityscapesScripts makes of them.

    Stuff and void; single cars, people (some below 100 pixels) and bicycles; groups of cars and of
    caravans; and single caravans, which the panoptic set does not know but the script for instances
    does.
    """
    from cityscapesscripts.preparation.createPanopticImgs import convert2panoptic

    for number in range(num):
        rng = np.random.default_rng(number)
        ids = np.full((HEIGHT, WIDTH), BUILDING)
        ids[50:], ids[90:, :80], ids[110:] = ROAD, PARKING, EGO
        for label, size in ((CAR, 30), (CAR, 24), (PERSON, 8), (PERSON, 22), (CARAVAN, 26)):
            for instance in range(3):
                y, x = rng.integers(HEIGHT - size), rng.integers(WIDTH - size)
                ids[y : y + size, x : x + size] = 1000 * label + 10 * size + instance
        if number % 2:
            ids[20:50, 140:190], ids[60:80, 150:195] = CAR, CARAVAN
            ids[85:100, 10:60] = BICYCLE * 1000
        city, split = ('aachen', 'zurich')[number % 2], 'val'
        stem = f'{city}_{number:06d}_000019'
        labels = np.where(ids < 1000, ids, ids // 1000)
        for kind, name, image in (
            (
                'leftImg8bit',
                'leftImg8bit',
                rng.integers(0, 255, (HEIGHT, WIDTH, 3)).astype('uint8'),
            ),
            ('gtFine', 'gtFine_instanceIds', ids.astype('uint16')),
            ('gtFine', 'gtFine_labelIds', labels.astype('uint8')),
        ):
            path = folder / kind / split / city / f'{stem}_{name}.png'
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), image)
    with contextlib.redirect_stdout(io.StringIO()):
        convert2panoptic(str(folder / 'gtFine'), str(folder / 'gtFine'), setNames=['val'])
    return folder


def make_dataset(folder: Path) -> CityscapesPanopticDataset:
    return CityscapesPanopticDataset(
        ann_file='gtFine/cityscapes_panoptic_val.json',
        data_root=str(folder),
        data_prefix=dict(img='leftImg8bit/val/', seg='gtFine/cityscapes_panoptic_val/'),
        pipeline=[],
        test_mode=True,
    )


def predict(dataset: CityscapesPanopticDataset, seed: int = 0) -> list[dict]:
    """Samples with the ground truth as the prediction, spoiled: moved, cut, confused, and void."""
    from cityscapesscripts.helpers.labels import id2label

    names = {name: label for label, name in enumerate(dataset.metainfo['classes'])}
    samples = []
    for index in range(len(dataset)):
        info, rng = dataset.get_data_info(index), np.random.default_rng(seed + index)
        path = info['img_path'].replace('leftImg8bit/val', 'gtFine/val')
        path = path.replace('leftImg8bit.png', 'gtFine_instanceIds.png')
        ids = np.roll(cv2.imread(path, cv2.IMREAD_UNCHANGED), rng.integers(-4, 5, 2), (0, 1))
        pred, sem_seg = np.full(ids.shape, 19), np.full(ids.shape, names['sky'])
        for number, value in enumerate(np.unique(ids).tolist(), 1):
            name = id2label[value // 1000 if value >= 1000 else value].name
            if name == 'caravan':
                name = 'car'
            elif name in ('person', 'bicycle') and rng.random() < 0.3:
                name = 'rider'
            if name in names:
                is_thing = names[name] < 8
                pred[ids == value] = names[name] + 1000 * number * is_thing
                sem_seg[ids == value] = names[name]
        cut = (np.arange(WIDTH) > WIDTH * rng.uniform(0.3, 0.7)) & (pred >= 1000)
        pred = np.where(cut, pred + 100_000, pred)
        found = np.unique(pred[pred >= 1000])
        samples.append(
            dict(
                info,
                pred_panoptic_seg=dict(sem_seg=torch.from_numpy(pred)[None].int()),
                pred_sem_seg=dict(sem_seg=torch.from_numpy(sem_seg)[None].byte()),
                pred_instances=dict(
                    labels=torch.from_numpy(found % 1000),
                    scores=torch.from_numpy(rng.random(len(found)).round(1)).float(),
                    panoptic_ids=torch.from_numpy(found),
                ),
            )
        )
    return samples
