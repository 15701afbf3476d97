import json
import re
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from einet.datasets import VistasPanopticDataset
from einet.datasets.conversion.command import run_splits
from einet.datasets.conversion.vistas import SPLITS, convert_vistas

from ...commands import run_command
from ...paths import CONFIGS, ROOT
from ...trees import make_vistas_tree

PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPanopticSegments'),
    dict(type='PackPanopticInputs'),
]


def run(root: Path) -> None:
    run_splits(SPLITS, lambda name: convert_vistas(root, name))


def build(root: Path) -> VistasPanopticDataset:
    return VistasPanopticDataset(
        ann_file='vistas_panoptic_train.json',
        data_root=str(root),
        data_prefix=dict(img='training/images', seg='training'),
        pipeline=PIPELINE,
    )


@pytest.fixture(scope='module')
def untouched(tmp_path_factory) -> Path:
    return make_vistas_tree(tmp_path_factory.mktemp('vistas'), train=3, val=1)


@pytest.fixture
def root(untouched, tmp_path) -> Path:
    return Path(shutil.copytree(untouched, tmp_path / 'vistas'))


@pytest.mark.parametrize('version', ['', 'v1.2'])
def test_labels_of_listed_images(tmp_path, version):
    root = make_vistas_tree(tmp_path, version=version)
    run(root)
    dataset = build(root)
    for index in range(len(dataset)):
        packed = dataset[index]
        sample = packed['data_samples']
        name = f'{sample.img_id}.png'
        path = root / 'training' / version / 'instances' / name
        codes = cv2.imread(str(path), cv2.IMREAD_UNCHANGED).astype(int)
        # The release's labels are its category ids - 1; 65 is Unlabeled.
        label_of = np.full(66, 255)
        label_of[np.array(sample.category_ids) - 1] = np.arange(65)
        expected = label_of[codes // 256]
        crowds = [s for s in sample.segments_info if s['iscrowd']]
        assert len(crowds) == 1
        semantic = sample.gt_sem_seg.sem_seg[0].numpy()
        ignored = semantic == 255
        assert np.array_equal(semantic[~ignored], expected[~ignored])
        assert (ignored & (expected == crowds[0]['category'])).any()
        assert ignored[expected == 255].all()
        things = sample.gt_instances.labels.tolist()
        assert things.count(0) >= 2  # two touching birds
        assert packed['inputs'].shape == (3, 96, 160)


def test_areas_are_measured(root):
    path = root / 'training' / 'panoptic' / 'panoptic_2018.json'
    content = json.loads(path.read_text())
    expected = [dict(s) for s in content['annotations'][0]['segments_info']]
    for segment in content['annotations'][0]['segments_info']:
        segment.update(area=1, bbox=[0, 0, 0, 0])
    content['annotations'][0]['segments_info'].append(
        dict(id=99, category_id=1, iscrowd=0, area=5, bbox=[0, 0, 1, 5])
    )
    path.write_text(json.dumps(content))
    run(root)
    written = json.loads((root / 'vistas_panoptic_train.json').read_text())
    assert written['annotations'][0]['segments_info'] == expected
    assert written['categories'] == content['categories']


def test_the_release_is_left_alone_and_a_second_call_too(root):
    before = {p: p.read_bytes() for p in root.rglob('*') if p.is_file()}
    run(root)
    assert {p: p.read_bytes() for p in before} == before
    times = {p: p.stat().st_mtime_ns for p in root.rglob('*')}
    run(root)
    assert {p: p.stat().st_mtime_ns for p in root.rglob('*')} == times


@pytest.mark.parametrize('kind', ['images', 'panoptic'])
@pytest.mark.parametrize('damage', ['cut off', 'missing', 'another size'])
def test_damaged_input(root, capsys, kind, damage):
    path = sorted(p for p in (root / 'training' / kind).iterdir() if p.suffix != '.json')[1]
    if damage == 'missing':
        path.unlink()
    elif damage == 'cut off':
        path.write_bytes(path.read_bytes()[:-400])
    else:
        cv2.imwrite(str(path), cv2.imread(str(path))[:, :-3])
    with pytest.raises(SystemExit):
        run(root)
    out = capsys.readouterr().out
    assert '1 of 3 images failed' in out
    assert path.name in out
    assert not (root / 'vistas_panoptic_train.json').exists()
    assert (root / 'vistas_panoptic_val.json').exists()


def test_ids_that_the_json_lacks(root, capsys):
    path = sorted((root / 'training' / 'panoptic').glob('*.png'))[0]
    colors = cv2.imread(str(path))
    colors[0, 0] = (0, 1, 1)
    cv2.imwrite(str(path), colors)
    with pytest.raises(SystemExit):
        run(root)
    assert f'{path} has 1 ids that its annotation lacks: [257]' in capsys.readouterr().out


def test_segments_of_unknown_categories(root, capsys):
    path = root / 'training' / 'panoptic' / 'panoptic_2018.json'
    content = json.loads(path.read_text())
    content['annotations'][1]['segments_info'][0]['category_id'] = 66
    path.write_text(json.dumps(content))
    with pytest.raises(SystemExit):
        run(root)
    assert 'has segments of categories [66], which the file does not list' in (
        capsys.readouterr().out
    )


def test_images_that_the_json_lacks(root):
    (root / 'training' / 'images' / 'extra.jpg').write_bytes(b'')
    with pytest.raises(SystemExit, match=r'lacks 1 images of .*extra\.jpg'):
        run(root)


def test_categories_of_another_release(root):
    path = root / 'training' / 'panoptic' / 'panoptic_2018.json'
    content = json.loads(path.read_text())
    content['categories'][2]['isthing'] = 1
    content['categories'].append(dict(id=70, name='Road Median', isthing=0))
    path.write_text(json.dumps(content))
    with pytest.raises(SystemExit, match=r"differ in \['Curb', 'Road Median'\].*v1\.2"):
        run(root)


def test_no_panoptic_annotations(root):
    shutil.rmtree(root / 'training' / 'panoptic')
    with pytest.raises(SystemExit, match=r'panoptic_2018\.json is missing; .*release 1\.2'):
        run(root)


@pytest.mark.slow
def test_memory_of_a_large_image(tmp_path):
    """4000 x 6000 pixels: converted, and loaded for training, within 4 GiB."""
    root = make_vistas_tree(tmp_path, train=1, val=0)
    for path in (root / 'training').glob('*/_*'):
        small = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        large = cv2.resize(small, (6000, 4000), interpolation=cv2.INTER_NEAREST)
        cv2.imwrite(str(path), large)
    script = f"""
import runpy
import sys
from mmdet.registry import DATASETS
from mmdet.utils import register_all_modules
from mmengine.config import Config
from einet_tools.process_memory import memory
sys.argv = ['vistas.py', {str(root)!r}, '--workers', '1', '--splits', 'train']
runpy.run_path({str(ROOT / 'tools' / 'dataset_converters' / 'vistas.py')!r}, run_name='__main__')
register_all_modules(init_default_scope=True)
config = Config.fromfile({str(CONFIGS / '_base_' / 'datasets' / 'vistas_panoptic.py')!r})
for loader in (config.train_dataloader, config.val_dataloader):
    dataset = dict(loader.dataset, data_root={str(root)!r}, ann_file='vistas_panoptic_train.json')
    dataset['data_prefix'] = dict(img='training/images', seg='training')
    assert DATASETS.build(dataset)[0]['data_samples'].gt_panoptic_seg
print('peak', memory('VmHWM'))
"""
    output = run_command(sys.executable, '-c', script, cwd=tmp_path)
    peak = int(re.search(r'^peak (\d+)$', output, re.MULTILINE)[1])  # with all that einet imports
    assert peak < 4 * 2**30, f'{peak / 2**30:.2f} GiB'


def test_names_that_climb_out(root):
    path = next((root / 'validation').rglob('panoptic_2018.json'))
    content = json.loads(path.read_text())
    content['annotations'][0]['file_name'] = '../../secret.png'
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r'panoptic_2018\.json.*file_name \.\./\.\./secret\.png'):
        convert_vistas(root, 'val')
