import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from einet.datasets import ADE20K150PanopticDataset
from einet.datasets.ade20k import SEMANTIC_INDEX
from einet.datasets.conversion.ade20k import SPLITS, convert_ade20k
from einet.datasets.conversion.command import run_splits
from einet.structures.id_map import read_id_map

from ...trees import make_ade20k_tree


def run(root: Path) -> None:
    run_splits(SPLITS, lambda name: convert_ade20k(root, name))


def read(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED).astype(int)


@pytest.fixture(scope='module')
def untouched(tmp_path_factory) -> Path:
    return make_ade20k_tree(tmp_path_factory.mktemp('ade20k'), train=3, val=1)


@pytest.fixture
def root(untouched, tmp_path) -> Path:
    return Path(shutil.copytree(untouched, tmp_path / 'ADEChallengeData2016'))


def expected_segments(root: Path, stem: str) -> list[tuple]:
    """(category id, mask) of each segment as Mask2Former's script finds them, by plain loops."""
    semantic = read(root / 'annotations' / 'training' / f'{stem}.png')
    instances = read(root / 'annotations_instance' / 'training' / f'{stem}.png')
    classes, numbers = instances[..., 2], instances[..., 1]
    found = []
    for value in range(1, 151):
        mask = (semantic == value) & (numbers == 0)
        if value - 1 in SEMANTIC_INDEX[100:] and mask.any():
            found.append((value - 1, mask))
    for number in range(1, 256):
        mask = numbers == number
        if mask.any():
            found.append((SEMANTIC_INDEX[classes[mask][0] - 1], mask))
    return found


def test_segments_are_mask2formers(root):
    run(root)
    content = json.loads((root / 'ade20k_panoptic_train.json').read_text())
    for annotation in content['annotations']:
        id_map = read_id_map(str(root / 'ade20k_panoptic_train' / annotation['file_name']))
        expected = expected_segments(root, annotation['image_id'])
        segments = annotation['segments_info']
        assert len(segments) == len(expected) > 5
        for segment, (category_id, mask) in zip(segments, expected, strict=True):
            assert segment['category_id'] == category_id
            assert np.array_equal(id_map == segment['id'], mask)
            assert segment['area'] == mask.sum()
            y, x = np.nonzero(mask)
            assert segment['bbox'] == [x.min(), y.min(), np.ptp(x) + 1, np.ptp(y) + 1]


def test_categories(root):
    run(root)
    content = json.loads((root / 'ade20k_panoptic_val.json').read_text())
    by_id = {category['id']: category for category in content['categories']}
    assert sorted(by_id) == list(range(150))
    assert (by_id[0]['name'], by_id[0]['isthing'], by_id[0]['color']) == ('wall', 0, [120] * 3)
    assert (by_id[12]['name'], by_id[12]['isthing']) == ('person', 1)
    assert [c['isthing'] for c in content['categories']] == [1] * 100 + [0] * 50


def test_loaded(root):
    run(root)
    dataset = ADE20K150PanopticDataset(
        ann_file='ade20k_panoptic_train.json',
        data_root=str(root),
        data_prefix=dict(img='images/training', seg='ade20k_panoptic_train'),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadPanopticSegments'),
            dict(type='PackPanopticInputs'),
        ],
    )
    assert len(dataset) == 3
    sample = dataset[0]['data_samples']
    assert sample.img_id == 'ADE_train_00000001'
    assert sample.gt_instances.labels.tolist().count(0) == 2  # two touching beds
    # The group of flags has no instances: void.
    semantic = read(root / 'annotations' / 'training' / 'ADE_train_00000001.png')
    instances = read(root / 'annotations_instance' / 'training' / 'ADE_train_00000001.png')
    group = (semantic == 150) & (instances[..., 1] == 0)
    assert group.any()
    assert (sample.gt_sem_seg.sem_seg[0].numpy()[group] == 255).all()


def test_interrupted_and_damaged(root, untouched, tmp_path):
    run(root)
    expected = {p.name: p.read_bytes() for p in root.rglob('ade20k_panoptic_train*/*.png')}
    json_path = root / 'ade20k_panoptic_train.json'
    content = json_path.read_text()
    (root / 'ade20k_panoptic_train' / 'ADE_train_00000002.png').write_bytes(b'\x89PNG')
    json_path.unlink()
    (root / 'ade20k_panoptic_train' / 'ADE_train_00000002.png').unlink()
    run(root)
    assert json_path.read_text() == content
    assert {p.name: p.read_bytes() for p in root.rglob('ade20k_panoptic_train*/*.png')} == expected


@pytest.mark.parametrize('folder', ['images', 'annotations', 'annotations_instance'])
@pytest.mark.parametrize('damage', ['cut off', 'missing', 'another size'])
def test_damaged_input(root, capsys, folder, damage):
    if (folder, damage) == ('images', 'missing'):
        pytest.skip('the images say what there is')
    path = sorted((root / folder / 'training').iterdir())[1]
    if damage == 'missing':
        path.unlink()
    elif damage == 'cut off':
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    else:
        cv2.imwrite(str(path), cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[1:])
    with pytest.raises(SystemExit):
        run(root)
    assert path.name in capsys.readouterr().out


@pytest.mark.parametrize(
    ('folder', 'change', 'message'),
    [
        ('annotations', lambda m: m.__setitem__((0, 0), 151), 'has the value 151; classes are 0'),
        (
            'annotations_instance',
            lambda m: m.__setitem__((0, 0), (0, 250, 101)),
            r'has instances of classes [101]; they are 1 to 100',
        ),
        (
            'annotations_instance',
            lambda m: m.__setitem__((slice(0, 2), 0), [(0, 250, 5), (0, 250, 6)]),
            'instance 250 has several classes',
        ),
    ],
)
def test_wrong_values(root, capsys, folder, change, message):
    path = sorted((root / folder / 'training').iterdir())[0]
    values = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    change(values)
    cv2.imwrite(str(path), values)
    with pytest.raises(SystemExit):
        run(root)
    out = capsys.readouterr().out
    assert path.name in out
    assert message in out


def test_gray_instances_are_refused(root, capsys):
    path = sorted((root / 'annotations_instance' / 'training').iterdir())[0]
    cv2.imwrite(str(path), np.zeros((96, 160), np.uint8))
    with pytest.raises(SystemExit):
        run(root)
    assert f'{path} has mode L; it needs the channels R, G and B' in capsys.readouterr().out


def test_missing_folders(root, tmp_path):
    with pytest.raises(SystemExit, match='has no images; ROOT is the folder'):
        run(tmp_path / 'nowhere')
    shutil.rmtree(root / 'annotations_instance')
    with pytest.raises(SystemExit, match=r'annotations_instance\.tar of ChallengeData2017'):
        run(root)
