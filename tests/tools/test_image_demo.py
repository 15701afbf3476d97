from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmcv.transforms import LoadImageFromFile
from mmdet.apis import init_detector
from mmdet.registry import MODELS
from mmengine.config import Config

from einet.datasets import PackPanopticInputs, PanopticDataset
from tests.models.tiny import tiny_model

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
    assert names == ['a.jpg.png', 'a.png.png', 'b.png']


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
    monkeypatch.setattr(tool, 'DetInferencer', lambda *args, **kwargs: FakeInferencer())
    monkeypatch.setattr(tool.Config, 'fromfile', lambda path: Config())
    argv = [str(folder), 'config.py', 'some.pth', '--out-dir', str(tmp_path / 'out')]
    with pytest.raises(SystemExit, match=r'(?s)could not be drawn.*bad\.jpg: AssertionError'):
        tool.main(argv)
    assert '2 of 3 images are in' in capsys.readouterr().out


def _config(lazy: bool = False) -> Config:
    """A narrow EINet for two things and a stuff, as text or with classes for types."""
    loader, pack = dict(type='LoadImageFromFile'), dict(type='PackPanopticInputs')
    dataset = 'PanopticDataset'
    if lazy:
        loader['type'], pack['type'], dataset = (
            LoadImageFromFile,
            PackPanopticInputs,
            PanopticDataset,
        )
    return Config(
        dict(
            model=tiny_model(),
            test_dataloader=dict(
                dataset=dict(
                    type=dataset,
                    ann_file='not_read.json',
                    metainfo=dict(thing_classes=('car', 'dog'), stuff_classes=('sky',)),
                    pipeline=[loader, dict(type='Resize', scale=(64, 64), keep_ratio=True), pack],
                    test_mode=True,
                )
            ),
            visualizer=dict(type='PanopticLocalVisualizer', name=f'demo_{lazy}'),
        )
    )


@pytest.fixture(scope='module')
def weights():
    return MODELS.build(tiny_model()).state_dict()


@pytest.fixture
def inferencer(tool, weights, tmp_path):
    torch.save(weights, tmp_path / 'bare.pth')
    return tool.DetInferencer(_config(), str(tmp_path / 'bare.pth'), 'cpu', show_progress=False)


IMAGE = np.random.default_rng(1).integers(0, 256, (40, 64, 3), np.uint8)


@pytest.mark.parametrize('kind', ['image_demo', 'mmdet'])
@pytest.mark.parametrize('form', ['bare', 'without meta', 'named'])
def test_names_are_the_configs_where_the_checkpoint_has_none(tool, kind, form, weights, tmp_path):
    meta = dict(dataset_meta=dict(classes=('car', 'dog', 'sky'), thing_classes=('car', 'dog')))
    content = dict(state_dict=weights)
    content = {'bare': weights, 'without meta': content, 'named': content | dict(meta=meta)}[form]
    path = str(tmp_path / 'some.pth')
    torch.save(content, path)
    if kind == 'mmdet':
        model = init_detector(_config(), path, device='cpu')
    else:
        model = tool.DetInferencer(_config(), path, 'cpu', show_progress=False).model
    assert tuple(model.dataset_meta['classes']) == ('car', 'dog', 'sky')
    assert len(model.dataset_meta['palette']) == 3


def test_a_checkpoint_of_other_classes_is_refused(tool, weights, tmp_path, monkeypatch):
    meta = dict(dataset_meta=dict(classes=('dog', 'car', 'sky'), thing_classes=('dog', 'car')))
    path = str(tmp_path / 'reordered.pth')
    torch.save(dict(state_dict=weights, meta=meta), path)
    (tmp_path / 'a.png').touch()
    config = _config()
    monkeypatch.setattr(tool.Config, 'fromfile', lambda path: config)
    argv = [str(tmp_path / 'a.png'), 'c.py', path, '--out-dir', str(tmp_path / 'out')]
    with pytest.raises(SystemExit, match='checkpoint and config have different classes'):
        tool.main(argv)
    monkeypatch.undo()
    with pytest.raises(ValueError, match='checkpoint and config have different classes'):
        assert init_detector(_config(), path, device='cpu').dataset_meta
    allowed = _config()
    allowed.model.allow_other_classes = True
    model = init_detector(allowed, path, device='cpu')
    assert model.dataset_meta['classes'] == ('dog', 'car', 'sky')


def test_the_pipeline_is_that_of_the_first_of_several_data_sets(
    tool, weights, tmp_path, monkeypatch
):
    torch.save(weights, tmp_path / 'bare.pth')
    cv2.imwrite(str(tmp_path / 'a.png'), IMAGE)
    config = _config()
    parts = [config.test_dataloader.dataset, dict(config.test_dataloader.dataset, pipeline=[])]
    config.test_dataloader.dataset = dict(type='ConcatDataset', datasets=parts)
    monkeypatch.setattr(tool.Config, 'fromfile', lambda path: config)
    out = tmp_path / 'out'
    tool.main([str(tmp_path / 'a.png'), 'c.py', str(tmp_path / 'bare.pth'), '--out-dir', str(out)])
    assert cv2.imread(str(out / 'a.png')).shape[2] == 3


def test_types_that_are_classes(tool, inferencer, weights, tmp_path):
    torch.save(weights, tmp_path / 'bare.pth')
    lazy = tool.DetInferencer(
        _config(lazy=True), str(tmp_path / 'bare.pth'), 'cpu', show_progress=False
    )
    assert _panoptic(lazy, IMAGE).equal(_panoptic(inferencer, IMAGE))


def _panoptic(inferencer, image):
    result = inferencer(image, return_datasamples=True, return_vis=True)
    assert result['visualization'][0].shape[2] == 3
    return result['predictions'][0].pred_panoptic_seg.sem_seg


def test_arrays_of_8_bit(inferencer):
    expected = _panoptic(inferencer, IMAGE)
    assert expected.shape == (1, 40, 64)
    alpha = np.full((40, 64, 1), 7, np.uint8)
    assert _panoptic(inferencer, np.concatenate([IMAGE, alpha], axis=2)).equal(expected)
    assert _panoptic(inferencer, IMAGE.astype(np.float32)).equal(expected)
    gray = IMAGE[..., 0]
    in_three = _panoptic(inferencer, np.stack([gray] * 3, axis=2))
    assert _panoptic(inferencer, gray).equal(in_three)
    assert _panoptic(inferencer, gray[..., None]).equal(in_three)


@pytest.mark.parametrize(
    ('image', 'problem'),
    [
        (IMAGE.astype(np.uint16) * 257, r'values of torch\.uint16.*divide 16-bit values by 257'),
        (IMAGE / np.float32(255), r'floats in 0\.\.1.*multiply floats in 0\.\.1 by 255'),
        (IMAGE[..., :2], r'shape \(2, 40, 64\); give \(height, width, 3\) BGR'),
    ],
)
def test_other_arrays_are_refused(inferencer, image, problem):
    with pytest.raises(ValueError, match=f'image without img_path: the image has {problem}'):
        _panoptic(inferencer, image)


def test_an_output_folder_that_cannot_be_written(tool, folder):
    (folder / 'file').touch()
    argv = [str(folder), 'c.py', 'some.pth', '--out-dir', str(folder / 'file' / 'out')]
    with pytest.raises(SystemExit, match=r'--out-dir: cannot write to .*file/out'):
        tool.main(argv)
