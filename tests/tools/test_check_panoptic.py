import json
import shutil
from pathlib import Path

import cv2
import pytest

from .load import load_tool


@pytest.fixture
def root(coco_sample_root, tmp_path) -> Path:
    """The first pictures of the COCO sample; the fixture's set is not to be changed."""
    path = coco_sample_root / 'annotations' / 'panoptic_val2017.json'
    content = json.loads(path.read_text())
    for key in ('images', 'annotations'):
        content[key] = content[key][:3]
    (tmp_path / 'panoptic.json').write_text(json.dumps(content))
    for folder, source, entries in (
        ('pictures', coco_sample_root / 'val2017', content['images']),
        ('maps', coco_sample_root / 'annotations' / 'panoptic_val2017', content['annotations']),
    ):
        (tmp_path / folder).mkdir()
        for entry in entries:
            shutil.copy(source / entry['file_name'], tmp_path / folder)
    return tmp_path


def check(root: Path) -> None:
    folders = ['--images', str(root / 'pictures'), '--seg', str(root / 'maps')]
    tool = load_tool('dataset_converters/check_panoptic.py')
    tool.main([str(root / 'panoptic.json'), *folders, '--workers', '1'])


def test_a_set_in_order(root, capsys):
    check(root)
    content = json.loads((root / 'panoptic.json').read_text())
    segments = sum(len(a['segments_info']) for a in content['annotations'])
    assert f'3 pictures are in order; {segments} segments' in capsys.readouterr().out


def test_segments_without_pixels_are_counted(root, capsys):
    path = root / 'panoptic.json'
    content = json.loads(path.read_text())
    content['annotations'][0]['segments_info'].append(dict(id=1, category_id=1, iscrowd=0))
    path.write_text(json.dumps(content))
    check(root)
    assert '1 segments of the JSON have no pixel' in capsys.readouterr().out


@pytest.mark.parametrize('folder', ['pictures', 'maps'])
@pytest.mark.parametrize('damage', ['missing', 'cut off', 'another size'])
def test_damage_is_named(root, capsys, folder, damage):
    path = sorted((root / folder).iterdir())[1]
    if damage == 'missing':
        path.unlink()
    elif damage == 'cut off':
        path.write_bytes(path.read_bytes()[:-2000])
    else:
        cv2.imwrite(str(path), cv2.imread(str(path))[1:])
    with pytest.raises(SystemExit) as error:
        check(root)
    assert error.value.code == 1
    out = capsys.readouterr().out
    assert '1 of 3 pictures failed' in out
    assert str(path) in out


def test_wrong_json(root):
    path = root / 'panoptic.json'
    content = json.loads(path.read_text())
    content['annotations'][0]['image_id'] = -1
    path.write_text(json.dumps(content))
    with pytest.raises(SystemExit, match='image_id -1 of annotation .* is not among `images`'):
        check(root)
    path.write_text(path.read_text()[:-5])
    with pytest.raises(SystemExit, match='is not JSON or is cut off'):
        check(root)
