import json
import sys

import pytest

from einet_tools.shapes_set import ShapesParameters, annotation_file, is_complete, is_finished

from ..commands import run_command
from ..paths import ROOT
from .test_arguments import HEAVY

WANTED = ShapesParameters(train=2, val=1, size=64, seed=3)
OPTIONS = ['--train', 2, '--val', 1, '--size', 64, '--seed', 3]


@pytest.fixture
def finished(tmp_path):
    """A set as the converter leaves it, with empty images."""
    (tmp_path / 'shapes_parameters.json').write_text(json.dumps(WANTED.recorded()))
    for split, count in (('train', 2), ('val', 1)):
        masks = tmp_path / 'annotations' / f'panoptic_{split}'
        masks.mkdir(parents=True)
        (tmp_path / split).mkdir()
        content = dict(info=WANTED.recorded(), images=[], annotations=[])
        for number in range(count):
            (tmp_path / split / f'{number}.jpg').touch()
            (masks / f'{number}.png').touch()
            content['images'].append(dict(file_name=f'{number}.jpg'))
            content['annotations'].append(dict(file_name=f'{number}.png'))
        masks.with_suffix('.json').write_text(json.dumps(content))
    return tmp_path


def test_a_finished_set_is_one_of_its_own_parameters(finished):
    assert is_finished(finished, WANTED)
    assert not is_finished(finished, ShapesParameters(train=2, val=1, size=64, seed=4))


def test_plain_and_colored_sets_are_two(finished):
    colored = ShapesParameters(train=2, val=1, size=64, seed=3, colored=True)
    assert not is_finished(finished, colored)
    assert colored.recorded() == WANTED.recorded() | {'colored': True}
    # Sets that older versions wrote have no word of it.
    assert 'colored' not in WANTED.recorded()


@pytest.mark.parametrize(
    'lost', ['train/1.jpg', 'annotations/panoptic_val/0.png', 'annotations/panoptic_train.json']
)
def test_a_lost_file_leaves_its_split_incomplete(finished, lost):
    (finished / lost).unlink()
    split = 'val' if 'val' in lost else 'train'
    assert not is_finished(finished, WANTED)
    assert [name for name in ('train', 'val') if not is_complete(finished, name, WANTED)] == [split]


def test_a_set_without_its_parameters_is_not_finished(finished):
    marker = finished / 'shapes_parameters.json'
    marker.write_text('{"train": 2, "val"')
    assert not is_finished(finished, WANTED)
    marker.unlink()
    assert not is_finished(finished, WANTED)
    assert all(is_complete(finished, name, WANTED) for name in ('train', 'val'))


def test_a_split_of_another_set_is_not_complete(finished):
    path = annotation_file(finished, 'val')
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | dict(info=WANTED.recorded() | dict(seed=4))))
    assert not is_complete(finished, 'val', WANTED)
    assert not is_finished(finished, WANTED)


def test_a_finished_set_does_not_wait_for_imports(finished):
    # Each line on stderr ends in `| <module>`.
    tool = ROOT / 'tools' / 'dataset_converters' / 'shapes.py'
    out = run_command(sys.executable, '-X', 'importtime', tool, finished, *OPTIONS, cwd=ROOT)
    assert f'shapes are in {finished}, all of them' in out
    assert {line.split('|')[-1].strip().split('.')[0] for line in out.splitlines()} & HEAVY == set()
