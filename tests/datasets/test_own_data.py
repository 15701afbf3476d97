"""The tutorial of docs/own_data.md, as it is printed."""

import json
import re

import cv2
import numpy as np
import pytest
from mmdet.registry import DATASETS, MODELS
from mmengine.config import Config

from einet.datasets import PanopticDataset
from einet.datasets.validation import check_sources, find_sources
from einet.structures.id_map import ids_to_bgr

from ..paths import CONFIGS, ROOT
from ..tools.load import load_tool

TEXT = (ROOT / 'docs' / 'own_data.md').read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf'```{language}\n(.*?)```', TEXT, re.DOTALL)


@pytest.fixture
def root(tmp_path):
    """data/mine, converted as the tutorial says."""
    root = tmp_path / 'data' / 'mine'
    (root / 'train').mkdir(parents=True)
    (root / 'categories.json').write_text(blocks('json')[1])
    rng = np.random.default_rng(0)
    for split, name in (('train', 'a'), ('val', 'b')):
        instances = np.zeros((60, 90), np.uint8)
        instances[10:30, 10:30], instances[10:30, 30:50] = 1, 2
        semantic = np.where(instances > 0, instances, 0).astype(np.uint8)
        for folder, suffix, values in (
            ('.', 'jpg', rng.integers(0, 256, (60, 90, 3), np.uint8)),
            ('semantic', 'png', semantic),
            ('instances', 'png', instances),
        ):
            path = root / folder / split / f'{name}.{suffix}'
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), values)
        command = next(text for text in blocks('bash') if 'panoptic_from_maps' in text)
        arguments = re.search(r'panoptic_from_maps\.py(.*?)\ndone', command, re.DOTALL)[1]
        arguments = arguments.replace('$split', split).replace('\\\n', ' ').split()
        arguments = [a.replace('data/mine', str(root)) for a in arguments]
        load_tool('dataset_converters/panoptic_from_maps.py').main([*arguments, '--workers', '1'])
    return root


def test_printed_config_fits_the_converted_set(root, tmp_path):
    (text,) = blocks('python')
    path = tmp_path / 'einet_r18_mine.py'
    path.write_text(text.replace("'./_base_", f"'{CONFIGS}/_base_"))
    config = Config.fromfile(path)
    # Training: a crop of 256, of an image resized to heights of 213 to 640, widths of 320 to 960.
    heights = {'train': range(213, 257), 'val': (427,)}
    for name, width in (('train', 256), ('val', 640)):
        dataset = config[f'{name}_dataloader'].dataset
        packed = DATASETS.build(dict(dataset, data_root=str(root)))[0]
        assert packed['inputs'].shape[-1] == width
        assert packed['inputs'].shape[-2] in heights[name]
    labels = packed['data_samples'].gt_instances.labels.tolist()
    assert labels == [0, 1]
    assert packed['data_samples'].gt_sem_seg.sem_seg.unique().tolist() == [0, 1, 2]
    MODELS.build(config.model)


def test_printed_json_is_the_format(tmp_path):
    content = json.loads(blocks('json')[0])
    (tmp_path / 'set.json').write_text(json.dumps(content))
    metainfo = dict(thing_classes=('car', 'man'), stuff_classes=('road',))
    info = PanopticDataset(ann_file=str(tmp_path / 'set.json'), metainfo=metainfo)[0]
    assert [s['category'] for s in info['segments_info']] == [2, 0]
    assert 112 + 256 * 17 + 65536 * 1 == 70000


def test_the_json_of_the_page_passes_the_check_without_a_word(tmp_path, capsys):
    content = json.loads(blocks('json')[0])
    (image,) = content['images']
    (annotation,) = content['annotations']
    id_map = np.full((image['height'], image['width']), annotation['segments_info'][0]['id'])
    id_map[100:300, 200:500] = annotation['segments_info'][1]['id']
    for name, values in (
        (image['file_name'], np.full((*id_map.shape, 3), 90, np.uint8)),
        (annotation['file_name'], ids_to_bgr(id_map)),
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), values)
    (tmp_path / 'mine.json').write_text(json.dumps(content))
    names = {kind: [c['name'] for c in content['categories'] if c['isthing'] == kind]
             for kind in (0, 1)}  # fmt: skip
    dataset = dict(
        type='PanopticDataset',
        data_root=str(tmp_path),
        ann_file='mine.json',
        metainfo=dict(thing_classes=names[1], stuff_classes=names[0]),
    )
    sources = find_sources(Config(dict(train_dataloader=dict(dataset=dataset))))
    found, _ = check_sources(Config(), sources, workers=1)
    # The page's one image shows no man.
    assert [(f.kind, f.message.split()[0]) for f in found] == [('class-without-instances', 'man')]
