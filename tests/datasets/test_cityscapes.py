from pathlib import Path

import cv2
import numpy as np
import pytest
from mmdet.registry import DATASETS
from mmengine.config import Config

from einet.datasets import CityscapesPanopticDataset
from einet.models import PanopticDataPreprocessor

from ..paths import CONFIGS

scripts = pytest.importorskip('cityscapesscripts.preparation.createPanopticImgs')

NAME = 'aachen_000000_000019'
PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPanopticSegments'),
    dict(type='PackPanopticInputs'),
]


@pytest.fixture(params=[False, True], ids=['ids', 'train ids'])
def cityscapes(request, tmp_path) -> Path:
    """One image, annotated by cityscapesScripts; the name of its JSON ends the path."""
    # Rows: road and sky; two cars and a group of cars (id below 1000); license plate is ignored.
    instance_ids = np.array([[7, 7, 7, 23], [26000, 26000, 26001, 23], [26, 26, 24003, 1]])
    folder = tmp_path / 'gtFine' / 'train' / 'aachen'
    folder.mkdir(parents=True)
    cv2.imwrite(str(folder / f'{NAME}_gtFine_instanceIds.png'), instance_ids.astype(np.uint16))
    images = tmp_path / 'leftImg8bit' / 'train' / 'aachen'
    images.mkdir(parents=True)
    cv2.imwrite(str(images / f'{NAME}_leftImg8bit.png'), np.zeros((3, 4, 3), np.uint8))
    scripts.convert2panoptic(str(tmp_path / 'gtFine'), None, request.param, ['train'])
    return tmp_path / ('cityscapes_panoptic_train' + ('_trainId' if request.param else ''))


def build(path: Path) -> CityscapesPanopticDataset:
    return CityscapesPanopticDataset(
        ann_file=f'gtFine/{path.name}.json',
        data_root=str(path.parent),
        data_prefix=dict(img='leftImg8bit/train', seg=f'gtFine/{path.name}'),
        pipeline=PIPELINE,
    )


def test_classes_and_colors():
    meta = CityscapesPanopticDataset.METAINFO
    assert meta['thing_classes'][:2] == ('person', 'rider')
    assert meta['stuff_classes'][0] == 'road'
    assert (len(meta['thing_classes']), len(meta['stuff_classes'])) == (8, 11)
    assert meta['palette'][2] == [0, 0, 142]  # car
    assert meta['palette'][8] == [128, 64, 128]  # road


def test_files_of_cityscapesscripts(cityscapes):
    dataset = build(cityscapes)
    sample = dataset[0]['data_samples']
    assert sample.img_id == NAME
    assert sample.img_path.endswith(f'leftImg8bit/train/aachen/{NAME}_leftImg8bit.png')
    assert sample.seg_map_path.endswith(f'{NAME}_gtFine_panoptic.png')
    # person 0, car 2, road 8, sky 18; the group of cars is crowd.
    assert sample.gt_sem_seg.sem_seg.tolist() == [
        [[8, 8, 8, 18], [2, 2, 2, 18], [255, 255, 0, 255]]
    ]
    labels, areas = sample.gt_instances.labels.tolist(), sample.gt_instances.areas.tolist()
    assert sorted(zip(labels, areas, strict=True)) == [(0, 1), (2, 1), (2, 2)]


def test_labels_map_back_to_the_files_ids(cityscapes):
    ids = build(cityscapes).category_ids
    train_ids = cityscapes.name.endswith('_trainId')
    assert ids[:3] == ([11, 12, 13] if train_ids else [24, 25, 26])
    assert ids[8:10] == ([0, 1] if train_ids else [7, 8])


@pytest.mark.parametrize(
    ('name', 'path'),
    [
        (f'{NAME}_gtFine_leftImg8bit.png', f'aachen/{NAME}_leftImg8bit.png'),
        (f'{NAME}_leftImg8bit.png', f'aachen/{NAME}_leftImg8bit.png'),
        (f'aachen/{NAME}_leftImg8bit.png', f'aachen/{NAME}_leftImg8bit.png'),
    ],
)
def test_image_names(cityscapes, name, path):
    assert build(cityscapes).image_file(dict(file_name=name)) == path


def test_config_crops_the_whole_image(cityscapes):
    config = Config.fromfile(CONFIGS / '_base_' / 'datasets' / 'cityscapes_panoptic.py')
    training = dict(config.train_dataloader.dataset, data_root=str(cityscapes.parent))
    training.update(
        ann_file=f'gtFine/{cityscapes.name}.json',
        data_prefix=dict(img='leftImg8bit/train', seg=f'gtFine/{cityscapes.name}'),
    )
    packed = DATASETS.build(training)[0]
    height, width = packed['inputs'].shape[1:]
    assert height <= 1025 and width <= 2049
    settings = config.model_settings.data_preprocessor
    preprocessor = PanopticDataPreprocessor(**settings, pad_size_divisor=16, void_label=19)
    batch = preprocessor(
        dict(inputs=[packed['inputs']], data_samples=[packed['data_samples']]), training=True
    )
    assert batch['inputs'].shape == (1, 3, 1040, 2064)
    assert batch['data_samples'][0].gt_panoptic_seg.shape == (1040, 2064)
