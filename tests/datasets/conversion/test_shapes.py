import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from einet.datasets import PanopticDataset
from einet.datasets.conversion.shapes import ShapesParameters, number_segments, write_shapes
from einet.datasets.conversion.shapes_classes import COLORED_THINGS, STUFF, THINGS
from einet.datasets.conversion.shapes_scene import Scene
from einet.structures.id_map import read_id_map

SMALL = ShapesParameters(train=6, val=3, size=64)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob('*') if p.is_file()}


@pytest.fixture(scope='module')
def small_set(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp('shapes') / 'set'
    write_shapes(out, SMALL)
    return out


def test_layout(small_set):
    names = set(contents(small_set))
    assert {'shapes_parameters.json', 'annotations/panoptic_val.json'} < names
    assert 'train/000000000005.jpg' in names
    assert 'annotations/panoptic_train/000000000005.png' in names
    assert len(names) == 1 + 2 + 2 * (6 + 3)


@pytest.mark.parametrize(('colored', 'things'), [(False, THINGS), (True, COLORED_THINGS)])
def test_it_is_a_panoptic_dataset(colored, things, tmp_path):
    small_set = tmp_path / 'set'
    write_shapes(small_set, replace(SMALL, colored=colored))
    names = dict(thing_classes=things, stuff_classes=STUFF)
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='LoadPanopticSegments'),
        dict(type='PackPanopticInputs'),
    ]
    for split, count in (('train', 6), ('val', 3)):
        dataset = PanopticDataset(
            ann_file=f'annotations/panoptic_{split}.json',
            data_root=str(small_set),
            data_prefix=dict(img=split, seg=f'annotations/panoptic_{split}'),
            metainfo=names,
            pipeline=pipeline,
        )
        assert len(dataset) == count
        for index in range(count):
            packed = dataset[index]
            assert packed['inputs'].shape == (3, 64, 64)
            assert 1 <= len(packed['data_samples'].gt_instances) <= 30


def test_areas_and_boxes_are_those_of_the_map(small_set):
    folder = small_set / 'annotations'
    annotation = json.loads((folder / 'panoptic_val.json').read_text())['annotations'][1]
    id_map = read_id_map(str(folder / 'panoptic_val' / annotation['file_name']))
    segments = annotation['segments_info']
    assert {s['id'] for s in segments} == set(np.unique(id_map).tolist()) - {0}
    for segment in segments:
        y, x = np.nonzero(id_map == segment['id'])
        left, top, width, height = segment['bbox']
        assert segment['area'] == len(x)
        assert (left, top) == (x.min(), y.min())
        assert (left + width, top + height) == (x.max() + 1, y.max() + 1)


@pytest.mark.parametrize(
    ('seed', 'ids'),
    [(0, [10686443, 8575447, 14271104]), (7, [15852872, 10487361, 11478634])],
)
def test_ids_of_a_seed(seed, ids):
    """Those of ``rng.choice(np.arange(1, MAX_ID + 1), 3, replace=False)``, so that sets last."""
    scene = Scene(np.zeros((2, 3, 3), np.uint8), np.int32([[0, 0, -1], [2, 0, 2]]))
    scene.segments = [('sky', False), ('hidden', False), ('disc', True)]
    category_ids = dict(sky=4, hidden=5, disc=6)
    id_map, segments = number_segments(scene, category_ids, np.random.default_rng(seed))
    first, _, last = ids  # nothing is left of the second
    assert id_map.tolist() == [[first, first, 0], [last, first, last]]
    assert segments == [
        dict(id=first, category_id=4, iscrowd=0, bbox=[0, 0, 2, 2], area=3),
        dict(id=last, category_id=6, iscrowd=1, bbox=[0, 1, 3, 1], area=2),
    ]


def test_same_seed_same_bytes_with_any_number_of_processes(small_set, tmp_path):
    write_shapes(tmp_path / 'again', SMALL, workers=2)
    assert contents(tmp_path / 'again') == contents(small_set)


def test_another_seed_another_set(small_set, tmp_path):
    write_shapes(tmp_path / 'other', replace(SMALL, seed=1))
    other, first = contents(tmp_path / 'other'), contents(small_set)
    assert all(other[name] != first[name] for name in first if name.endswith('.jpg'))


def test_train_and_val_differ(small_set):
    files = contents(small_set)
    assert files['train/000000000000.jpg'] != files['val/000000000000.jpg']


def test_a_complete_set_is_left_alone(small_set, capsys):
    before = {p: p.stat().st_mtime_ns for p in small_set.rglob('*.jpg')}
    write_shapes(small_set, SMALL)
    assert 'train: already complete' in capsys.readouterr().out
    assert before == {p: p.stat().st_mtime_ns for p in small_set.rglob('*.jpg')}


def test_an_interrupted_set_is_completed(small_set, tmp_path):
    out = tmp_path / 'set'
    write_shapes(out, SMALL)
    (out / 'val' / '000000000001.jpg').unlink()
    (out / 'annotations' / 'panoptic_train.json').unlink()
    write_shapes(out, SMALL)
    assert contents(out) == contents(small_set)


def test_other_parameters_need_force(tmp_path):
    out = tmp_path / 'set'
    write_shapes(out, SMALL)
    before = contents(out)
    smaller = ShapesParameters(train=2, val=1, size=32)
    with pytest.raises(FileExistsError, match=r"(?s)holds a set made with .*'train': 6.*--force"):
        write_shapes(out, smaller)
    assert contents(out) == before
    write_shapes(out, smaller, force=True)
    assert len(list(out.rglob('*.jpg'))) == 3
    assert cv2.imread(str(out / 'val' / '000000000000.jpg')).shape == (32, 32, 3)


@pytest.mark.parametrize('force', [False, True])
def test_foreign_files_are_never_touched(tmp_path, force):
    (tmp_path / 'thesis.tex').write_text('...')
    with pytest.raises(FileExistsError, match='something this tool did not write'):
        write_shapes(tmp_path, SMALL, force=force)
    assert set(contents(tmp_path)) == {'thesis.tex'}
