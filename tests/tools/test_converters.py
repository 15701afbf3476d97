"""The converters as commands; what they write is tested in tests/datasets/conversion."""

import json
import sys
from importlib import import_module

import cv2
import numpy as np
import pytest

from ..commands import run_command
from ..paths import ROOT
from ..trees import make_ade20k_tree, make_cityscapes_tree, make_vistas_tree
from .load import load_tool

FOLDER = 'dataset_converters'


@pytest.mark.parametrize(
    ('name', 'make_tree', 'written'),
    [
        ('ade20k', make_ade20k_tree, 'ade20k_panoptic_{}.json'),
        ('cityscapes', make_cityscapes_tree, 'gtFine/cityscapes_panoptic_{}.json'),
        ('vistas', make_vistas_tree, 'vistas_panoptic_{}.json'),
    ],
)
def test_published_sets(tmp_path, capsys, name, make_tree, written):
    root = make_tree(tmp_path, train=2, val=1, size=(32, 48))
    tool = load_tool(f'{FOLDER}/{name}.py')
    tool.main([str(root), '--workers', '1'])
    out = capsys.readouterr().out
    for split, count in (('train', 2), ('val', 1)):
        path = root / written.format(split)
        assert len(json.loads(path.read_text())['annotations']) == count
        assert f'{path}: complete, {count} images' in out
    # One split alone; what was there is replaced only when told to.
    path.write_text('{"images": []}')
    with pytest.raises(SystemExit, match=r'exists with other categories.*--overwrite'):
        tool.main([str(root), '--workers', '1', '--splits', 'val'])
    tool.main([str(root), '--workers', '1', '--splits', 'val', '--overwrite'])
    assert len(json.loads(path.read_text())['annotations']) == 1
    assert 'train' not in capsys.readouterr().out


def test_own_maps(tmp_path, capsys):
    values = np.array([[7, 7, 4], [5, 5, 7]], np.uint8)
    for folder, suffix in (('images', '.png'), ('semantic', '_s.png'), ('instances', '_i.png')):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / f'a{suffix}'), values)
    categories = [dict(id=7, name='road', isthing=0), dict(id=5, name='car', isthing=1)]
    (tmp_path / 'categories.json').write_text(json.dumps(categories))
    arguments = ['--categories', tmp_path / 'categories.json', '--out', tmp_path / 'out']
    for folder in ('images', 'semantic', 'instances'):
        arguments += [f'--{folder}', tmp_path / folder]
    arguments += ['--semantic-suffix', '_s.png', '--instances-suffix', '_i.png']
    arguments += ['--void', '4', '--split', 'mine', '--workers', '1']
    load_tool(f'{FOLDER}/panoptic_from_maps.py').main([str(part) for part in arguments])
    content = json.loads((tmp_path / 'out' / 'panoptic_mine.json').read_text())
    segments = content['annotations'][0]['segments_info']
    assert [(s['category_id'], s['area'], s['bbox']) for s in segments] == [
        (5, 2, [0, 1, 2, 1]),
        (7, 3, [0, 0, 3, 2]),
    ]


def test_shapes(tmp_path, capsys):
    tool = load_tool(f'{FOLDER}/shapes.py')
    out = tmp_path / 'set'
    arguments = ['--train', '2', '--val', '1', '--size', '32', '--workers', '1']
    arguments += ['--max-instances', '3', '--seed', '5']
    tool.main([str(out), *arguments])
    parameters = json.loads((out / 'shapes_parameters.json').read_text())
    expected = dict(train=2, val=1, size=32, max_instances=3, seed=5, version=1)
    assert parameters == expected
    assert f'shapes are in {out}' in capsys.readouterr().out
    with pytest.raises(SystemExit, match='--force'):
        tool.main([str(out), *arguments, '--seed', '6'])
    tool.main([str(out), *arguments, '--seed', '6', '--force'])
    assert json.loads((out / 'shapes_parameters.json').read_text())['seed'] == 6


@pytest.mark.parametrize('name', ['ade20k', 'cityscapes', 'vistas'])
def test_all_splits_of_the_conversion_can_be_chosen(name):
    conversion = import_module(f'einet.datasets.conversion.{name}')
    assert load_tool(f'{FOLDER}/{name}.py').SPLITS == tuple(conversion.SPLITS)


@pytest.mark.parametrize('argument', ['--train', '--val', '--size', '--max-instances'])
def test_impossible_shapes(tmp_path, argument, capsys):
    with pytest.raises(SystemExit):
        load_tool(f'{FOLDER}/shapes.py').main([str(tmp_path / 'set'), argument, '0'])
    assert f'{argument} must be at least' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('name', 'parts'),
    [
        ('ade20k', ['annotations_instance', 'ade20k_panoptic_{train,val}.json']),
        ('cityscapes', ['_gtFine_instanceIds.png', '{train,val,test}']),
        ('vistas', ['panoptic_2018.json', 'v1.2', '{train,val}']),
        ('panoptic_from_maps', ['R + 256 G + 65536 B', '"isthing": 1', 'panoptic_SPLIT.json']),
    ],
)
def test_help_states_the_format(name, parts, capsys):
    with pytest.raises(SystemExit):
        load_tool(f'{FOLDER}/{name}.py').main(['--help'])
    text = capsys.readouterr().out
    for part in (*parts, '--overwrite', '--workers'):
        assert part in text


@pytest.mark.slow
def test_as_a_process_with_several_processes(tmp_path):
    root = make_cityscapes_tree(tmp_path, train=3, size=(32, 48))
    script = ROOT / 'tools' / FOLDER / 'cityscapes.py'
    arguments = ['--workers', '2', '--splits', 'train', 'test']
    out = run_command(sys.executable, script, root, *arguments, cwd=tmp_path)
    assert 'complete, 3 images' in out
    assert 'complete, 1 images without annotations' in out
