import json

import numpy as np
import pytest
from mmdet.registry import DATASETS
from mmengine.config import Config

from einet.datasets import Coco2017PanopticDataset

from ..paths import CONFIGS

PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPanopticSegments'),
    dict(type='PackPanopticInputs'),
]


def build(root, split, **kwargs):
    return Coco2017PanopticDataset(
        ann_file=f'annotations/panoptic_{split}2017.json',
        data_root=str(root),
        data_prefix=dict(img=f'{split}2017', seg=f'annotations/panoptic_{split}2017'),
        pipeline=PIPELINE,
        **kwargs,
    )


def test_133_classes_in_order_of_the_label(coco_sample_root):
    dataset = build(coco_sample_root, 'val')
    meta = dataset.metainfo
    assert len(meta['thing_classes']) == 80
    assert len(meta['classes']) == len(meta['palette']) == 133
    path = coco_sample_root / 'annotations' / 'panoptic_val2017.json'
    names = {c['id']: c['name'] for c in json.loads(path.read_text())['categories']}
    assert [names[i] for i in dataset.category_ids] == list(meta['classes'])


def test_real_images(coco_sample_root):
    dataset = build(coco_sample_root, 'val')
    crowds = 0
    for index in range(len(dataset)):
        sample = dataset[index]['data_samples']
        segments = sample.segments_info
        things = [s for s in segments if s['is_thing']]
        crowds += sum(s['iscrowd'] for s in segments)
        assert sample.gt_instances.labels.tolist() == [s['category'] for s in things]
        visible = {s['category'] for s in segments if not s['iscrowd']}
        assert set(np.unique(sample.gt_sem_seg.sem_seg)) - {255} == visible
    assert crowds > 0


def test_other_classes_need_no_palette(coco_sample_root, tmp_path):
    source = coco_sample_root / 'annotations' / 'panoptic_val2017.json'
    content = json.loads(source.read_text())
    content['categories'] = [c for c in content['categories'] if c['name'] in ('dog', 'snow')]
    content['images'] = content['images'][:1]
    content['annotations'] = content['annotations'][:1]
    content['annotations'][0]['segments_info'] = []
    (tmp_path / 'set.json').write_text(json.dumps(content))
    dataset = Coco2017PanopticDataset(
        ann_file=str(tmp_path / 'set.json'),
        metainfo=dict(thing_classes=('dog',), stuff_classes=('snow',)),
    )
    assert dataset.metainfo['classes'] == ('dog', 'snow')
    assert len(dataset.metainfo['palette']) == 2


def image_info(root, tmp_path, **changes):
    """COCO's list of test images: detection's categories, and no annotations."""
    content = json.loads((root / 'annotations' / 'panoptic_val2017.json').read_text())
    content['categories'] = [
        {key: c[key] for key in ('supercategory', 'id', 'name')}
        for c in content['categories']
        if c['isthing']
    ]
    del content['annotations']
    path = tmp_path / 'annotations' / 'image_info_test-dev2017.json'
    path.parent.mkdir()
    path.write_text(json.dumps(content | changes))
    (tmp_path / 'test2017').symlink_to(root / 'val2017')
    return tmp_path


def test_test_dev_without_annotations(coco_sample_root, tmp_path):
    root = image_info(coco_sample_root, tmp_path)
    config = Config.fromfile(CONFIGS / '_base_' / 'datasets' / 'coco_panoptic_test-dev.py')
    dataset = DATASETS.build(dict(config.test_dataloader.dataset, data_root=str(root)))
    packed = dataset[0]
    assert max(packed['inputs'].shape) == 1025
    assert 'gt_panoptic_seg' not in packed['data_samples']
    assert packed['data_samples'].seg_map_path is None
    assert config.test_evaluator.format_only
    # Results are written with the ids that the annotated splits have.
    assert dataset.category_ids == build(coco_sample_root, 'val').category_ids
    # Training and validation are those of the set itself.
    assert config.val_dataloader.dataset.pipeline[1].type == 'LoadPanopticSegments'


def test_list_of_test_images_in_training(coco_sample_root, tmp_path):
    root = image_info(coco_sample_root, tmp_path)
    with pytest.raises(ValueError, match=r"lacks \['annotations'\]"):
        Coco2017PanopticDataset(
            ann_file='annotations/image_info_test-dev2017.json', data_root=str(root)
        )


def test_categories_of_a_list_with_isthing_are_matched(coco_sample_root, tmp_path):
    """mmdet's gen_coco_panoptic_test_info.py puts panoptic categories into the list."""
    content = json.loads((coco_sample_root / 'annotations' / 'panoptic_val2017.json').read_text())
    root = image_info(coco_sample_root, tmp_path, categories=content['categories'][1:])
    with pytest.raises(ValueError, match="only in the config: 'person'"):
        Coco2017PanopticDataset(
            ann_file='annotations/image_info_test-dev2017.json',
            data_root=str(root),
            test_mode=True,
        )
