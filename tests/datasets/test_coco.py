import json

import numpy as np

from einet.datasets import Coco2017PanopticDataset

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
    meta = build(coco_sample_root, 'val').metainfo
    assert len(meta['thing_classes']) == 80
    assert len(meta['classes']) == len(meta['palette']) == 133
    path = coco_sample_root / 'annotations' / 'panoptic_val2017.json'
    names = {c['id']: c['name'] for c in json.loads(path.read_text())['categories']}
    assert [names[i] for i in meta['category_ids']] == list(meta['classes'])


def test_real_pictures(coco_sample_root):
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
