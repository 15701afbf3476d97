import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from einet.datasets import PanopticDataset
from einet.structures.id_map import read_id_map

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'tools' / 'dataset_converters'))
import shapes
import shapes_scene

SMALL = ['--train', '6', '--val', '3', '--size', '64', '--workers', '1']


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob('*') if p.is_file()}


@pytest.fixture(scope='module')
def small_set(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp('shapes') / 'set'
    shapes.main([str(out), *SMALL])
    return out


@pytest.fixture(scope='module')
def scenes() -> list[shapes_scene.Scene]:
    return [shapes_scene.draw_scene(np.random.default_rng(i), size=128) for i in range(60)]


def test_layout(small_set):
    names = set(contents(small_set))
    assert {'shapes_parameters.json', 'annotations/panoptic_val.json'} < names
    assert 'train/000000000005.jpg' in names
    assert 'annotations/panoptic_train/000000000005.png' in names
    assert len(names) == 1 + 2 + 2 * (6 + 3)


def test_it_is_a_panoptic_dataset(small_set):
    names = dict(thing_classes=shapes.THINGS, stuff_classes=shapes.STUFF)
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


def test_same_seed_same_bytes_with_any_number_of_processes(small_set, tmp_path):
    shapes.main([str(tmp_path / 'again'), *SMALL[:-1], '2'])
    assert contents(tmp_path / 'again') == contents(small_set)


def test_another_seed_another_set(small_set, tmp_path):
    shapes.main([str(tmp_path / 'other'), *SMALL, '--seed', '1'])
    other, first = contents(tmp_path / 'other'), contents(small_set)
    assert all(other[name] != first[name] for name in first if name.endswith('.jpg'))


def test_train_and_val_differ(small_set):
    files = contents(small_set)
    assert files['train/000000000000.jpg'] != files['val/000000000000.jpg']


def test_a_complete_set_is_left_alone(small_set, capsys):
    before = {p: p.stat().st_mtime_ns for p in small_set.rglob('*.jpg')}
    shapes.main([str(small_set), *SMALL])
    assert 'train: already complete' in capsys.readouterr().out
    assert before == {p: p.stat().st_mtime_ns for p in small_set.rglob('*.jpg')}


def test_an_interrupted_set_is_completed(small_set, tmp_path):
    out = tmp_path / 'set'
    shapes.main([str(out), *SMALL])
    (out / 'val' / '000000000001.jpg').unlink()
    (out / 'annotations' / 'panoptic_train.json').unlink()
    shapes.main([str(out), *SMALL])
    assert contents(out) == contents(small_set)


def test_other_parameters_need_force(tmp_path):
    out = tmp_path / 'set'
    shapes.main([str(out), *SMALL])
    before = contents(out)
    smaller = ['--train', '2', '--val', '1', '--size', '32', '--workers', '1']
    with pytest.raises(SystemExit, match=r"(?s)holds a set made with .*'train': 6.*--force"):
        shapes.main([str(out), *smaller])
    assert contents(out) == before
    shapes.main([str(out), *smaller, '--force'])
    assert len(list(out.rglob('*.jpg'))) == 3
    assert cv2.imread(str(out / 'val' / '000000000000.jpg')).shape == (32, 32, 3)


@pytest.mark.parametrize('force', [[], ['--force']])
def test_foreign_files_are_never_touched(tmp_path, force):
    (tmp_path / 'thesis.tex').write_text('...')
    with pytest.raises(SystemExit, match='something this tool did not write'):
        shapes.main([str(tmp_path), *SMALL, *force])
    assert set(contents(tmp_path)) == {'thesis.tex'}


@pytest.mark.parametrize('argument', ['--train', '--size', '--max-instances'])
def test_impossible_parameters(tmp_path, argument, capsys):
    with pytest.raises(SystemExit):
        shapes.main([str(tmp_path / 'set'), argument, '0'])
    assert f'{argument} must be at least' in capsys.readouterr().err


def test_number_of_instances(scenes):
    counts = []
    for scene in scenes:
        things = [kind in shapes.THINGS and not crowd for kind, crowd in scene.segments]
        counts.append(sum(things))
    assert min(counts) >= 1
    assert max(counts) <= 30
    assert max(counts) > 20 and min(counts) < 4


def test_every_thing_stays_in_view(scenes):
    for scene in scenes:
        areas = np.bincount(scene.segment_map.ravel() + 1, minlength=len(scene.segments) + 1)[1:]
        for (kind, crowd), area in zip(scene.segments, areas, strict=True):
            if kind in shapes.THINGS and not crowd:
                assert area >= 50


def test_all_classes_void_and_crowds_occur(scenes):
    kinds = {kind for scene in scenes for kind, _ in scene.segments}
    assert kinds == {*shapes.THINGS, *shapes.STUFF}
    assert any(crowd for scene in scenes for _, crowd in scene.segments)
    assert any((scene.segment_map == shapes_scene.VOID).any() for scene in scenes)


def test_look_alikes_touch(scenes):
    """In many scenes two things of one class are neighbors."""
    touching = 0
    for scene in scenes:
        left, right = scene.segment_map[:, :-1], scene.segment_map[:, 1:]
        pairs = {(a, b) for a, b in zip(left.ravel(), right.ravel(), strict=True) if a != b}
        touching += any(
            min(pair) >= 0
            and scene.segments[pair[0]] == scene.segments[pair[1]]
            and scene.segments[pair[0]][0] in shapes.THINGS
            for pair in pairs
        )
    assert touching > len(scenes) / 2


def test_look_alike_is_beside_and_equal():
    rng = np.random.default_rng(3)
    center = np.array([60.0, 64.0])
    square = shapes_scene.Item('square', center, 10.0, 0.4, np.float32([200, 0, 200]))
    twin = shapes_scene.look_alike(rng, square, size=128)
    assert (twin.kind, twin.radius, twin.angle) == ('square', 10.0, 0.4)
    assert np.linalg.norm(twin.center - center) == pytest.approx(17.7)
    first, second = (shapes_scene.fill(item, 128) for item in (square, twin))
    overlap = np.count_nonzero(first & second) / first.sum()
    assert overlap < 0.15
    grown = cv2.dilate(first.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert (grown & second).any()
