"""Cityscapes: the same files as cityscapesScripts makes, whatever was interrupted or damaged."""

import contextlib
import io
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from cityscapesscripts.preparation.createPanopticImgs import convert2panoptic
from mmdet.registry import DATASETS
from mmengine.config import Config

from einet.datasets import CityscapesPanopticDataset
from einet.datasets.conversion import cityscapes
from einet.datasets.conversion.command import run_splits

from ...paths import CONFIGS
from ...trees import make_cityscapes_tree

JSON = 'cityscapes_panoptic_train.json'


def run(root: Path, name: str = 'train', **options) -> None:
    run_splits([name], lambda name: cityscapes.convert_cityscapes(root, name, **options))


def written(root: Path) -> dict[str, bytes]:
    """What a converter wrote, by name."""
    files = [p for p in (root / 'gtFine').rglob('*panoptic*') if p.is_file()]
    return {str(p.relative_to(root)): p.read_bytes() for p in files}


@pytest.fixture(scope='module')
def untouched(tmp_path_factory) -> Path:
    return make_cityscapes_tree(tmp_path_factory.mktemp('cityscapes'), train=4)


@pytest.fixture
def root(untouched, tmp_path) -> Path:
    return Path(shutil.copytree(untouched, tmp_path / 'cityscapes'))


@pytest.fixture(scope='module')
def official(untouched, tmp_path_factory) -> dict[str, bytes]:
    """Files of cityscapesScripts' own program over the whole split."""
    out = tmp_path_factory.mktemp('official') / 'gtFine'
    out.mkdir()
    with contextlib.redirect_stdout(io.StringIO()):
        convert2panoptic(str(untouched / 'gtFine'), str(out), False, ['train'])
    return written(out.parent)


def assert_official(root: Path, official: dict[str, bytes]) -> None:
    found = written(root)
    assert found.keys() == official.keys()
    for name, content in official.items():
        if name.endswith('.json'):
            assert json.loads(found[name]) == json.loads(content)
        else:
            assert found[name] == content


def test_same_files_as_cityscapesscripts(root, official, capsys):
    run(root)
    assert_official(root, official)
    assert 'complete, 4 images' in capsys.readouterr().out


def test_labels_of_a_converted_image(root):
    run(root)
    path = sorted((root / 'gtFine' / 'train').rglob('*_labelTrainIds.png'))[0]
    dataset = CityscapesPanopticDataset(
        ann_file=f'gtFine/{JSON}',
        data_root=str(root),
        data_prefix=dict(img='leftImg8bit/train', seg=f'gtFine/{Path(JSON).stem}'),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadPanopticSegments'),
            dict(type='PackPanopticInputs'),
        ],
    )
    sample = dataset[0]['data_samples']
    # Train ids are stuff 0..10, things 11..18; ours are things first.
    train_ids = cv2.imread(str(path), cv2.IMREAD_UNCHANGED).astype(int)
    expected = np.where(train_ids >= 11, train_ids - 11, train_ids + 8)
    expected[train_ids == 255] = 255
    instance_ids = cv2.imread(
        str(path).replace('labelTrainIds', 'instanceIds'), cv2.IMREAD_UNCHANGED
    )
    crowd = (instance_ids < 1000) & (instance_ids >= 24)
    assert crowd.any()
    expected[crowd] = 255
    assert np.array_equal(sample.gt_sem_seg.sem_seg[0].numpy(), expected)
    assert len(sample.gt_instances) == len(np.unique(instance_ids[instance_ids >= 1000]))


def test_a_second_call_changes_nothing(root, capsys):
    run(root)
    before = {p: p.stat().st_mtime_ns for p in (root / 'gtFine').rglob('*')}
    run(root)
    assert {p: p.stat().st_mtime_ns for p in (root / 'gtFine').rglob('*')} == before
    assert '4 of them done before' in capsys.readouterr().out


def test_official_files_are_recognized(root, official):
    for name, content in official.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(content)
    run(root)
    assert written(root) == official


def test_an_interrupted_call_goes_on(root, official, capsys, monkeypatch):
    convert, calls = cityscapes.convert_image, []

    def interrupted(path):
        calls.append(path)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return convert(path)

    monkeypatch.setattr(cityscapes, 'convert_image', interrupted)
    with pytest.raises(SystemExit, match='Interrupted. The same command goes on'):
        run(root)
    assert not (root / 'gtFine' / JSON).exists()
    journal = root / 'gtFine' / f'{JSON}.partial'
    # The process may also die while it writes a line.
    journal.write_bytes(journal.read_bytes()[:-20])
    monkeypatch.undo()
    run(root)
    assert '1 of them done before' in capsys.readouterr().out
    assert_official(root, official)


def test_a_damaged_png_is_made_anew(root, official):
    run(root)
    folder = root / 'gtFine' / Path(JSON).stem
    first, second, third, _ = sorted(folder.iterdir())
    first.unlink()
    second.write_bytes(second.read_bytes()[:100])
    third.write_bytes((folder / first.name.replace(first.name, second.name)).read_bytes())
    run(root)
    assert_official(root, official)


@pytest.mark.parametrize('kind', ['instanceIds', 'leftImg8bit'])
@pytest.mark.parametrize('damage', ['cut off', 'empty', 'another size'])
def test_damaged_input_is_named_and_the_rest_done(root, capsys, kind, damage, official):
    path = sorted(root.rglob(f'train/*/*{kind}.png'))[2]
    original = path.read_bytes()
    if damage == 'another size':
        cv2.imwrite(str(path), cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[:-1])
    else:
        path.write_bytes(original[: len(original) // 2] if damage == 'cut off' else b'')
    with pytest.raises(SystemExit) as error:
        run(root)
    assert error.value.code == 1
    out = capsys.readouterr().out
    assert '1 of 4 images failed' in out
    assert path.name in out
    assert not (root / 'gtFine' / JSON).exists()
    path.write_bytes(original)
    run(root)
    assert '3 of them done before' in capsys.readouterr().out
    assert_official(root, official)


def test_unknown_id(root, capsys):
    path = sorted(root.rglob('train/*/*instanceIds.png'))[0]
    ids = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    ids[0, 0], ids[0, 1] = 77, 39001
    cv2.imwrite(str(path), ids)
    with pytest.raises(SystemExit):
        run(root)
    assert f'{path} has ids that are no labels of Cityscapes: [39, 77]' in capsys.readouterr().out


def test_missing_files(root, tmp_path):
    with pytest.raises(SystemExit, match=r'leftImg8bit/train has no .*unpack leftImg8bit_trainval'):
        run(tmp_path / 'nowhere')
    path = sorted(root.rglob('train/*/*instanceIds.png'))[0]
    path.unlink()
    with pytest.raises(SystemExit, match=r'lacks maps \*_gtFine_instanceIds\.png of 1 .*aachen'):
        run(root)
    shutil.rmtree(root / 'leftImg8bit' / 'train' / 'bochum')
    path.write_bytes(b'')
    with pytest.raises(SystemExit, match=r'lacks images of 2 images, for example bochum_000001'):
        run(root)


def test_nothing_is_overwritten_silently(root, official):
    run(root)
    path = root / 'gtFine' / JSON
    foreign = dict(json.loads(path.read_text()), categories=[dict(id=1, name='own', isthing=1)])
    path.write_text(json.dumps(foreign))
    with pytest.raises(SystemExit, match=r'other categories or other images.*--overwrite'):
        run(root)
    assert json.loads(path.read_text()) == foreign
    run(root, overwrite=True)
    assert_official(root, official)


def test_foreign_png_is_not_overwritten(root, official, capsys):
    png = root / sorted(name for name in official if name.endswith('.png'))[0]
    png.parent.mkdir()
    png.write_bytes(b'mine')
    with pytest.raises(SystemExit):
        run(root)
    assert f'{png} exists with another content' in capsys.readouterr().out
    assert png.read_bytes() == b'mine'
    run(root, overwrite=True)
    assert_official(root, official)


def test_more_images_than_before(root, tmp_path):
    run(root)
    make_cityscapes_tree(root, train=5)
    with pytest.raises(SystemExit, match=r'other images \(4\)'):
        run(root)


def test_test_split_without_annotations(root, tmp_path):
    shutil.rmtree(root / 'gtFine' / 'test')
    run(root, 'test')
    config = Config.fromfile(CONFIGS / '_base_' / 'datasets' / 'cityscapes_panoptic_test.py')
    dataset = DATASETS.build(dict(config.test_dataloader.dataset, data_root=str(root)))
    packed = dataset[0]
    sample = packed['data_samples']
    assert sample.img_id == 'berlin_000000_000019'
    assert sample.img_path.endswith('test/berlin/berlin_000000_000019_leftImg8bit.png')
    assert packed['inputs'].shape == (3, 96, 160)
    assert 'gt_panoptic_seg' not in sample
    assert dataset.category_ids[:2] == [24, 25]
    assert config.test_evaluator.format_only


def test_damaged_test_image(root, capsys):
    path = next((root / 'leftImg8bit' / 'test').rglob('*.png'))
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(SystemExit):
        run(root, 'test')
    assert path.name in capsys.readouterr().out


def test_several_processes(root, official):
    run(root, workers=2)
    assert_official(root, official)
