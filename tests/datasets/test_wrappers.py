"""Two annotation files with the same classes and other ids, in the wrappers that users combine."""

import json

import cv2
import numpy as np
import pytest
from mmdet.registry import DATASETS
from mmengine.dataset import ConcatDataset

from einet.structures.id_map import ids_to_bgr

CLASSES = dict(thing_classes=('car',), stuff_classes=('road',))
PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPanopticSegments'),
    dict(type='PackPanopticInputs'),
]


def _data_set(folder, name, ids):
    """One image of 4 x 6 pixels: a car in the left half, road in the right one."""
    folder.mkdir()
    id_map = np.repeat([[5, 9]], 4, axis=0).repeat(3, axis=1)
    cv2.imwrite(str(folder / f'{name}.jpg'), np.full((4, 6, 3), 90, np.uint8))
    cv2.imwrite(str(folder / f'{name}.png'), ids_to_bgr(id_map))
    content = dict(
        categories=[
            dict(id=ids[0], name='car', isthing=1),
            dict(id=ids[1], name='road', isthing=0),
        ],
        images=[dict(id=name, file_name=f'{name}.jpg', height=4, width=6)],
        annotations=[
            dict(
                image_id=name,
                file_name=f'{name}.png',
                segments_info=[dict(id=5, category_id=ids[0]), dict(id=9, category_id=ids[1])],
            )
        ],
    )
    (folder / 'panoptic.json').write_text(json.dumps(content))
    return dict(
        type='PanopticDataset',
        metainfo=CLASSES,
        data_root=str(folder),
        ann_file='panoptic.json',
        data_prefix=dict(img='', seg=''),
        pipeline=PIPELINE,
    )


@pytest.fixture
def two(tmp_path):
    return [_data_set(tmp_path / 'a', 'one', (3, 8)), _data_set(tmp_path / 'b', 'two', (70, 2))]


def _labels(packed):
    return packed['data_samples'].gt_sem_seg.sem_seg[0].tolist()


def test_each_sample_has_the_ids_of_its_own_file(two):
    dataset = DATASETS.build(dict(type='ConcatDataset', datasets=two))
    assert isinstance(dataset, ConcatDataset)
    assert dataset.metainfo['classes'] == ('car', 'road')
    samples = [dataset[i]['data_samples'] for i in range(2)]
    assert [s.category_ids for s in samples] == [[3, 8], [70, 2]]
    assert [s.file_name for s in samples] == ['one.jpg', 'two.jpg']
    assert _labels(dataset[0]) == _labels(dataset[1]) == [[0, 0, 0, 1, 1, 1]] * 4
    assert [dataset.get_data_info(i)['category_ids'] for i in range(2)] == [[3, 8], [70, 2]]


@pytest.mark.parametrize(
    'wrapper',
    [
        dict(type='RepeatDataset', times=2),
        dict(type='MultiImageMixDataset', pipeline=[]),
    ],
    ids=lambda wrapper: wrapper['type'],
)
def test_wrappers_around_both(two, wrapper):
    inner = dict(type='ConcatDataset', datasets=two)
    dataset = DATASETS.build(dict(wrapper, dataset=inner))
    assert tuple(dataset.metainfo['thing_classes']) == ('car',)
    found = {tuple(dataset[i]['data_samples'].category_ids) for i in range(len(dataset))}
    assert found == {(3, 8), (70, 2)}


def test_classes_are_balanced_by_the_labels_of_the_config(two):
    balanced = [dict(type='ClassBalancedDataset', dataset=each, oversample_thr=0.5) for each in two]
    dataset = DATASETS.build(dict(type='ConcatDataset', datasets=balanced))
    assert _labels(dataset[1]) == [[0, 0, 0, 1, 1, 1]] * 4
