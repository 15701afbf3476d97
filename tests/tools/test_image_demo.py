from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmdet.apis import init_detector
from mmdet.registry import MODELS
from mmengine.config import Config

from tests.models.tiny import tiny_model
from tests.paths import CONFIGS, ROOT
from tests.utils.demo_config import demo_config

from .load import load_tool


@pytest.fixture(scope='module')
def tool():
    return load_tool('image_demo.py')


@pytest.fixture
def folder(tmp_path):
    for name in ('b.JPG', 'a.png', 'notes.txt', 'sub/c.jpg'):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return tmp_path


def test_images_of_a_folder_by_name(tool, folder):
    assert [p.name for p in tool.find_images(folder)] == ['a.png', 'b.JPG']


def test_a_single_image_of_any_name(tool, folder):
    assert tool.find_images(folder / 'notes.txt') == [folder / 'notes.txt']


def test_nothing_to_draw_is_an_error(tool, tmp_path):
    with pytest.raises(FileNotFoundError, match='no image or folder .*nowhere'):
        tool.find_images(tmp_path / 'nowhere')
    with pytest.raises(FileNotFoundError, match='holds no image'):
        tool.find_images(tmp_path)


def test_outputs_never_overwrite_each_other(tool):
    images = [Path('in/a.jpg'), Path('in/a.png'), Path('in/b.jpg')]
    names = [p.name for p in tool.output_paths(images, Path('out'))]
    assert names == ['a.jpg.png', 'a.png.png', 'b.jpg.png']
    # The full name of one may be the stem of another.
    images = [Path('in/a.jpg'), Path('in/a.png'), Path('in/a.jpg.png')]
    assert len(set(tool.output_paths(images, Path('out')))) == 3
    assert [p.name for p in tool.output_paths(images[:1], Path('out'))] == ['a.png']


def test_drawings_never_overwrite_the_images(tool, folder, monkeypatch):
    monkeypatch.setattr(tool, 'build_inferencer', lambda *args: pytest.fail('too late'))
    (folder / 'link').symlink_to(folder)
    for out_dir in (folder, folder / 'link'):
        with pytest.raises(SystemExit, match=r'--out-dir: .*a\.png is an input and would be over'):
            tool.main([str(folder), 'config.py', 'some.pth', '--out-dir', str(out_dir)])


class FakeInferencer:
    """Draws an image in one color; fails for names with `bad`."""

    def __call__(self, image: str, **kwargs) -> dict:
        if 'bad' in Path(image).name:
            raise AssertionError('cannot be decoded')
        return dict(visualization=[np.full((4, 6, 3), (250, 10, 20), np.uint8)])


def test_a_bad_image_is_named_and_the_rest_drawn(tool, tmp_path):
    images = [Path('in') / name for name in ('a.jpg', 'bad.jpg', 'c.jpg')]
    outputs = tool.output_paths(images, tmp_path / 'new')
    failures = tool.draw_all(FakeInferencer(), images, outputs, show=False)
    assert failures == ['in/bad.jpg: AssertionError: cannot be decoded']
    assert [p.exists() for p in outputs] == [True, False, True]
    assert cv2.imread(str(outputs[2]))[0, 0].tolist() == [20, 10, 250]  # red, read as BGR


def test_a_bad_image_makes_the_exit_status_1(tool, folder, tmp_path, monkeypatch, capsys):
    (folder / 'bad.jpg').touch()
    monkeypatch.setattr(tool, 'build_inferencer', lambda *args: FakeInferencer())
    argv = [str(folder), 'config.py', 'some.pth', '--out-dir', str(tmp_path / 'out')]
    with pytest.raises(SystemExit, match=r'(?s)could not be drawn.*bad\.jpg: AssertionError'):
        tool.main(argv)
    assert '2 of 3 images are in' in capsys.readouterr().out


def test_drawings_are_written_before_they_are_shown(tool, tmp_path):
    seen = []
    fake = FakeInferencer()
    fake.visualizer = SimpleNamespace(
        show=lambda drawn, name: seen.append((name, (tmp_path / 'a.png').exists()))
    )
    tool.draw_all(fake, [Path('in/a.jpg')], [tmp_path / 'a.png'], show=True)
    assert seen == [('a.jpg', True)]


def test_no_display_is_said_at_the_start(tool, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(tool.matplotlib, 'get_backend', lambda: 'agg')
    argv = [str(folder), 'c.py', 'some.pth', '--out-dir', str(tmp_path / 'out'), '--show']
    with pytest.raises(SystemExit, match='--show: there is no display'):
        tool.main(argv)


def test_more_than_8_bits_are_told_or_refused(tool, tmp_path, capsys):
    values = dict(deep=np.uint16(4095), color=np.uint16([9, 8, 300]), real=np.float32(0.5), usual=3)
    images = []
    for name, value in values.items():
        image = np.broadcast_to(value, (8, 8, *np.shape(value)))
        images.append(tmp_path / f'{name}.tif')
        cv2.imwrite(str(images[-1]), image if name != 'usual' else image.astype(np.uint8))
    outputs = tool.output_paths(images, tmp_path / 'out')
    failures = tool.draw_all(FakeInferencer(), images, outputs, show=False)
    (failure,) = failures
    assert 'real.tif has float32 values: rescale them to 0..255' in failure
    printed = capsys.readouterr().out.replace('\n', ' ')
    assert 'deep.tif has 16 bits: its values, 0..4095, are divided by 256' in printed
    assert 'color.tif has 16 bits: its values, 0..300,' in printed
    assert 'usual' not in printed


@pytest.fixture(scope='module')
def weights():
    return MODELS.build(tiny_model()).state_dict()


IMAGE = np.random.default_rng(1).integers(0, 256, (40, 64, 3), np.uint8)


def test_a_checkpoint_of_other_classes_is_refused(tool, weights, tmp_path, monkeypatch):
    meta = dict(dataset_meta=dict(classes=('dog', 'car', 'sky'), thing_classes=('dog', 'car')))
    path = str(tmp_path / 'reordered.pth')
    torch.save(dict(state_dict=weights, meta=meta), path)
    (tmp_path / 'a.png').touch()
    config = demo_config()
    monkeypatch.setattr(Config, 'fromfile', lambda path: config)
    argv = [str(tmp_path / 'a.png'), 'c.py', path, '--out-dir', str(tmp_path / 'out')]
    with pytest.raises(SystemExit, match='checkpoint and config have different classes'):
        tool.main(argv)
    monkeypatch.undo()
    with pytest.raises(ValueError, match='checkpoint and config have different classes'):
        assert init_detector(demo_config(), path, device='cpu').dataset_meta
    allowed = demo_config()
    allowed.model.allow_other_classes = True
    model = init_detector(allowed, path, device='cpu')
    assert model.dataset_meta['classes'] == ('dog', 'car', 'sky')


def test_a_checkpoint_or_device_that_does_not_fit_is_one_line(tool, weights, tmp_path, monkeypatch):
    torch.save(weights, tmp_path / 'some.pth')
    (tmp_path / 'a.png').touch()
    argv = [
        str(tmp_path / 'a.png'),
        'c.py',
        str(tmp_path / 'some.pth'),
        '--out-dir',
        str(tmp_path / 'out'),
    ]
    config = demo_config()
    monkeypatch.setattr(Config, 'fromfile', lambda path: config)
    with pytest.raises(SystemExit, match=r'^ValueError: .*some\.pth cannot be loaded: .*differ in'):
        tool.main([*argv, '--cfg-options', 'model.num_stuff_classes=9', '--device', 'cpu'])

    def no_cuda(*args, **kwargs):
        raise AssertionError('Torch not compiled with CUDA enabled')

    monkeypatch.setattr('einet.utils.inferencer.DetInferencer', no_cuda)
    with pytest.raises(SystemExit, match='^ValueError: .*loaded: Torch not compiled with CUDA'):
        tool.main([*argv, '--device', 'cuda:0'])


def test_the_pipeline_is_that_of_the_first_of_several_data_sets(
    tool, weights, tmp_path, monkeypatch
):
    torch.save(weights, tmp_path / 'bare.pth')
    cv2.imwrite(str(tmp_path / 'a.png'), IMAGE)
    config = demo_config()
    parts = [config.test_dataloader.dataset, dict(config.test_dataloader.dataset, pipeline=[])]
    config.test_dataloader.dataset = dict(type='ConcatDataset', datasets=parts)
    monkeypatch.setattr(Config, 'fromfile', lambda path: config)
    out = tmp_path / 'out'
    tool.main([str(tmp_path / 'a.png'), 'c.py', str(tmp_path / 'bare.pth'), '--out-dir', str(out)])
    assert cv2.imread(str(out / 'a.png')).shape[2] == 3


def test_an_output_folder_that_cannot_be_written(tool, folder):
    (folder / 'file').touch()
    argv = [str(folder), 'c.py', 'some.pth', '--out-dir', str(folder / 'file' / 'out')]
    with pytest.raises(SystemExit, match=r'--out-dir: cannot write to .*file/out'):
        tool.main(argv)


def test_a_model_by_name_needs_no_checkpoint(tool, tmp_path, capsys):
    tool.main([str(ROOT / 'demo' / 'nuclei.png'), 'einet_r18_nuclei', '--out-dir', str(tmp_path)])
    assert f'1 of 1 images are in {tmp_path}' in capsys.readouterr().out
    assert cv2.imread(str(tmp_path / 'nuclei.png')).std() > 20


def test_a_config_without_a_checkpoint_is_one_line(tool, tmp_path):
    config = str(CONFIGS / 'einet_r18_nuclei.py')
    argv = [str(ROOT / 'demo' / 'nuclei.png'), config, '--out-dir', str(tmp_path)]
    with pytest.raises(SystemExit, match=r'r18_nuclei\.py is a config file: give its checkpoint'):
        tool.main(argv)
