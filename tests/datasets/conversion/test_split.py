"""Splits of three images whose conversion is counted; real sets are in the other files."""

import json

import numpy as np
import pytest

from einet.datasets.conversion.record import Split
from einet.datasets.conversion.split import Converted, convert_split
from einet.structures.files import encode_png
from einet.structures.id_map import ids_to_bgr

SOURCES = dict(a=1, b=2, c=3)


class Converter:
    """Image NAME is one segment of id number x 1000 over 2 x 4 pixels."""

    def __init__(self):
        self.calls, self.fails = [], set()

    def __call__(self, number):
        self.calls.append(number)
        if number in self.fails:
            raise ValueError(f'source {number} is damaged')
        name = 'abc'[number - 1]
        segment = dict(id=1000 * number, category_id=1, iscrowd=0, area=8, bbox=[0, 0, 4, 2])
        image = dict(id=name, file_name=f'{name}.jpg', width=4, height=2)
        annotation = dict(image_id=name, file_name=f'{name}.png', segments_info=[segment])
        return Converted(image, annotation, encode_png(ids_to_bgr(np.full((2, 4), 1000 * number))))


@pytest.fixture
def convert():
    return Converter()


@pytest.fixture
def split(tmp_path):
    return Split(tmp_path / 'train.json', tmp_path / 'train', [dict(id=1, name='car', isthing=1)])


def test_all_images_in_order(split, convert):
    assert convert_split(split, SOURCES, convert)
    content = json.loads(split.json.read_text())
    assert [image['id'] for image in content['images']] == ['a', 'b', 'c']
    assert [a['file_name'] for a in content['annotations']] == ['a.png', 'b.png', 'c.png']
    assert sorted(p.name for p in split.png_folder.iterdir()) == ['a.png', 'b.png', 'c.png']


def test_a_failed_image_does_not_stop_the_others(split, convert, capsys):
    convert.fails = {2}
    assert not convert_split(split, SOURCES, convert)
    assert 'source 2 is damaged' in capsys.readouterr().out
    assert not split.json.exists()
    convert.fails, convert.calls = set(), []
    assert convert_split(split, SOURCES, convert)
    assert convert.calls == [2]
    assert '2 of them done before' in capsys.readouterr().out
    assert [i['id'] for i in json.loads(split.json.read_text())['images']] == ['a', 'b', 'c']


def test_a_damaged_result_is_made_anew(split, convert):
    convert_split(split, SOURCES, convert)
    before = {p: p.read_bytes() for p in split.png_folder.iterdir()}
    (split.png_folder / 'a.png').write_bytes(before[split.png_folder / 'b.png'])
    (split.png_folder / 'c.png').unlink()
    convert.calls = []
    assert convert_split(split, SOURCES, convert)
    assert convert.calls == [1, 3]
    assert {p: p.read_bytes() for p in split.png_folder.iterdir()} == before


def test_overwrite_does_all_anew(split, convert):
    convert_split(split, SOURCES, convert)
    convert.calls = []
    assert convert_split(split, SOURCES, convert, overwrite=True)
    assert convert.calls == [1, 2, 3]


def test_no_images(split, convert):
    with pytest.raises(ValueError, match=r'train\.json: no images were found'):
        convert_split(split, {}, convert)
