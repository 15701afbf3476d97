"""The making of the COCO sample in docs/data.md, as it is printed."""

import json
import re
import runpy

import cv2
import numpy as np

from einet.structures.id_map import ids_to_bgr, read_id_map

from ..paths import ROOT

(CODE,) = re.findall(r'```python\n(.*?)```', (ROOT / 'docs' / 'data.md').read_text(), re.DOTALL)
# Boxes (x, y, width, height): a large segment, one that is 4 x 4 when shrunk, and one of 4 x 3.
BOXES = {9: (20, 40, 100, 60), 300: (200, 40, 8, 8), 70000: (300, 40, 8, 6)}


def _write_split(root, split, number):
    """An image that is wanted, twice the sample's size, and one that is not."""
    ids = np.zeros((400, 640), np.int32)
    for key, (x, y, width, height) in BOXES.items():
        ids[y : y + height, x : x + width] = key
    maps = root / 'annotations' / f'panoptic_{split}'
    maps.mkdir(parents=True)
    (root / split).mkdir()
    segments = [dict(id=key, category_id=1, iscrowd=0, area=0, bbox=[]) for key in BOXES]
    content = dict(images=[], annotations=[], categories=[dict(id=1, name='cat', isthing=1)])
    for key in (7, number):
        name = f'{key:012}'
        cv2.imwrite(str(root / split / f'{name}.jpg'), np.full((400, 640, 3), 90, np.uint8))
        cv2.imwrite(str(maps / f'{name}.png'), ids_to_bgr(ids))
        content['images'].append(dict(id=key, file_name=f'{name}.jpg', width=640, height=400))
        annotation = dict(image_id=key, file_name=f'{name}.png', segments_info=segments)
        content['annotations'].append(annotation)
    maps.with_suffix('.json').write_text(json.dumps(content))


def test_keeps_the_images_that_are_named_and_shrinks_them(tmp_path, monkeypatch):
    numbers = {'train2017': 30, 'val2017': 9483}
    for split, number in numbers.items():
        _write_split(tmp_path / 'data' / 'coco', split, number)
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'make_sample.py').write_text(CODE)
    runpy.run_path('make_sample.py')
    sample = tmp_path / 'data' / 'coco_sample'
    for split, number in numbers.items():
        maps = sample / 'annotations' / f'panoptic_{split}'
        content = json.loads(maps.with_suffix('.json').read_text())
        (image,), (annotation,) = content['images'], content['annotations']
        assert (image['id'], image['width'], image['height']) == (number, 320, 200)
        assert annotation['segments_info'] == [
            dict(id=9, category_id=1, iscrowd=0, area=1500, bbox=[10, 20, 50, 30]),
            dict(id=300, category_id=1, iscrowd=0, area=16, bbox=[100, 20, 4, 4]),
        ]
        ids = read_id_map(str(maps / annotation['file_name']))
        assert dict(zip(*np.unique(ids, return_counts=True), strict=True)) == {
            0: 320 * 200 - 1516,
            9: 1500,
            300: 16,
        }
        assert cv2.imread(str(sample / split / image['file_name'])).shape == (200, 320, 3)
