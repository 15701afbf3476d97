import numpy as np
import pytest
import torch
from mmdet.apis import init_detector
from mmdet.registry import MODELS
from mmengine.dataset import pseudo_collate

from einet.models.outputs import PredictionMaps
from einet.utils.inferencer import DetInferencer, build_inferencer
from einet.utils.published import locate_model
from tests.models.tiny import tiny_model

from .demo_config import demo_config

IMAGE = np.random.default_rng(1).integers(0, 256, (40, 64, 3), np.uint8)


@pytest.fixture(scope='module')
def weights():
    torch.manual_seed(0)  # not any random weights find instances in noise
    return MODELS.build(tiny_model()).state_dict()


@pytest.mark.parametrize('kind', ['einet', 'mmdet'])
@pytest.mark.parametrize('form', ['bare', 'without meta', 'named'])
def test_names_are_the_configs_where_the_checkpoint_has_none(kind, form, weights, tmp_path):
    meta = dict(dataset_meta=dict(classes=('car', 'dog', 'sky'), thing_classes=('car', 'dog')))
    content = dict(state_dict=weights)
    content = {'bare': weights, 'without meta': content, 'named': content | dict(meta=meta)}[form]
    path = str(tmp_path / 'some.pth')
    torch.save(content, path)
    if kind == 'mmdet':
        model = init_detector(demo_config(), path, device='cpu')
    else:
        model = DetInferencer(demo_config(), path, 'cpu', show_progress=False).model
    assert tuple(model.dataset_meta['classes']) == ('car', 'dog', 'sky')
    assert len(model.dataset_meta['palette']) == 3


@pytest.fixture
def inferencer(weights, tmp_path):
    torch.save(weights, tmp_path / 'bare.pth')
    return DetInferencer(demo_config(), str(tmp_path / 'bare.pth'), 'cpu', show_progress=False)


def test_types_that_are_classes(inferencer, weights, tmp_path):
    torch.save(weights, tmp_path / 'bare.pth')
    lazy = DetInferencer(
        demo_config(lazy=True), str(tmp_path / 'bare.pth'), 'cpu', show_progress=False
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


def test_built_from_a_file_with_changes(inferencer, weights, tmp_path):
    torch.save(weights, tmp_path / 'bare.pth')
    (tmp_path / 'demo.py').write_text(demo_config().pretty_text)
    changes = {'model.fusion.peak_threshold': 0.999}
    built = build_inferencer(str(tmp_path / 'demo.py'), str(tmp_path / 'bare.pth'), 'cpu')
    strict = build_inferencer(
        str(tmp_path / 'demo.py'), str(tmp_path / 'bare.pth'), 'cpu', cfg_options=changes
    )
    assert _panoptic(built, IMAGE).equal(_panoptic(inferencer, IMAGE))
    assert isinstance(built.model.prediction_maps(torch.zeros(1, 3, 32, 32)), PredictionMaps)
    assert _panoptic(built, IMAGE).max() >= 1000
    assert _panoptic(strict, IMAGE).max() < 1000


def test_built_from_a_name(tmp_path):
    named = DetInferencer('einet_r18_nuclei', device='cpu', show_progress=False)
    assert named.model.dataset_meta['classes'] == ['nucleus', 'background']
    assert {p.dtype for p in named.model.parameters()} == {torch.float32}
    built = build_inferencer('einet_r18_nuclei', device='cpu')
    files = DetInferencer(*locate_model('einet_r18_nuclei'), 'cpu', show_progress=False)
    assert _panoptic(named, IMAGE).equal(_panoptic(built, IMAGE))
    assert _panoptic(named, IMAGE).equal(_panoptic(files, IMAGE))


def test_starts_without_warnings_that_tell_nothing(recwarn, capfd):
    built = build_inferencer('einet_r18_nuclei', device='cpu')
    assert built.collate_fn([1, 2]) == [1, 2]
    assert not [warning for warning in recwarn if 'Failed' in str(warning.message)]
    assert 'Failed' not in ''.join(capfd.readouterr())


def test_a_collate_function_of_ones_own(weights, tmp_path):
    torch.save(weights, tmp_path / 'bare.pth')
    config = demo_config()
    config.test_dataloader.collate_fn = 'default_collate'
    own = DetInferencer(config, str(tmp_path / 'bare.pth'), 'cpu', show_progress=False)
    assert own.collate_fn is not pseudo_collate


def test_a_name_that_nobody_has_and_a_config_without_checkpoint(tmp_path):
    with pytest.raises(FileNotFoundError, match='no config file einet_r18_nucle, .*einet_r18_nuc'):
        build_inferencer('einet_r18_nucle')
    (tmp_path / 'a.py').write_text("_base_ = 'gone.py'")
    with pytest.raises(FileNotFoundError, match=r'gone\.py'):
        build_inferencer(str(tmp_path / 'a.py'), 'some.pth')
    (tmp_path / 'gone.py').write_text('')
    with pytest.raises(ValueError, match=r'a\.py is a config file: give its checkpoint'):
        build_inferencer(str(tmp_path / 'a.py'))
