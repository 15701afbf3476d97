"""Exported models against PyTorch's, on real images."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.dataset import Compose

from tests.paths import CONFIGS, ROOT

from .load import load_tool

onnx = pytest.importorskip('onnx')
onnxruntime = pytest.importorskip('onnxruntime')
pytest.importorskip('onnxscript')

SMALL = """
_base_ = ['{base}']
model = dict(
    data_preprocessor=dict(pad_size_divisor={divisor}),
    backbone=dict(
        base_channels=8,
        stem_channels=8,
        num_stages=3,
        strides=(1, 2, 2),
        dilations=(1, 1, 1),
        out_indices=(0, 1, 2),
    ),
    semantic_decoder=dict(in_channels=(8, 16, 32), aspp_dilations=(6,), separable=False),
    instance_decoder=dict(in_channels=(8, 16, 32), separable=False),
    fusion={fusion},
)
"""


@pytest.fixture(scope='module')
def export():
    return load_tool('deployment/export_onnx.py')


@pytest.fixture
def verify(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / 'tools/deployment')
    return load_tool('deployment/verify_onnx.py')


@pytest.fixture(scope='module')
def program():
    return load_tool('deployment/einet_onnx.py')


def _small(folder: Path, base: str, divisor: int = 16, **fusion: object) -> tuple[str, str]:
    """Config and checkpoint of a small model with random weights."""
    file = folder / 'small.py'
    file.write_text(SMALL.format(base=CONFIGS / base, divisor=divisor, fusion=fusion))
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(file).model)
    model.init_weights()
    _save(model, folder / 'small.pth')
    return str(file), str(folder / 'small.pth')


def _save(model, path):
    torch.save(dict(state_dict=model.state_dict(), meta={}), path)


def _make_decisive(model, path, image):
    """Give the logits of random weights the mean 0 and the spread of a trained model."""
    data = dict(inputs=[torch.from_numpy(image.transpose(2, 0, 1).copy())])
    with torch.no_grad():
        maps = model(model.data_preprocessor(data)['inputs'])
        for layer, logits in (
            (model.semantic_head.classifier, maps.semantic_logits),
            (model.centroid_head.predictor, maps.heatmap_logits),
        ):
            scale = 3 / logits.std(dim=(0, 2, 3))
            layer.bias.copy_((layer.bias - logits.mean(dim=(0, 2, 3))) * scale)
            layer.weight.mul_(scale[:, None, None, None])
    _save(model, path)


def _predict(model, config, path):
    """PyTorch's prediction: ids as in the files of COCO's format, and scores by id."""
    packing = dict(type='PackPanopticInputs', meta_keys=('img_shape', 'ori_shape'))
    resize = [s for s in config.test_dataloader.dataset.pipeline if s['type'] == 'Resize']
    packed = Compose([dict(type='LoadImageFromFile'), *resize, packing])(dict(img_path=str(path)))
    batch = dict(inputs=[packed['inputs']], data_samples=[packed['data_samples']])
    with torch.no_grad():
        (sample,) = model.test_step(batch)
    ids = sample.pred_panoptic_seg.sem_seg[0].numpy()
    instances = sample.pred_instances
    scores = zip((instances.panoptic_ids + 1).tolist(), instances.scores.tolist(), strict=True)
    return np.where(ids % 1000 == model.num_classes, 0, ids + 1), dict(scores)


SETS = {
    'nuclei': dict(
        preset='einet_r18_nuclei.py',
        images='val',
        # Any size, all classes together.
        options=(),
        settings=dict(grouping='vote', min_peak_distance=0.85, stuff_area=300),
    ),
    'coco_sample': dict(
        preset='einet_r18_coco-sample.py',
        images='val2017',
        # A fixed size, to which PyTorch pads too, each class by itself.
        options=('--size', '320', '320'),
        settings=dict(divisor=320, stuff_area=300),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize('data', SETS)
def test_results_are_pytorch_s_on_real_images(
    export, program, verify, data, request, tmp_path, capsys
):
    case, root = SETS[data], request.getfixturevalue(f'{data}_root')
    files = _small(tmp_path, case['preset'], **case['settings'])
    out, config = str(tmp_path / 'model.onnx'), Config.fromfile(files[0])
    # In flat areas random weights see ties, which the last bit decides; large files have few.
    paths = sorted((root / case['images']).iterdir(), key=lambda path: path.stat().st_size)[-4:]
    model = export.load_trained(config, files[1])
    _make_decisive(model, files[1], cv2.imread(str(paths[0])))
    export.main([*files, '--out', out, '--data-root', str(root), *case['options']])
    onnx.checker.check_model(out)
    predictor = program.PanopticPredictor(out, threads=1)
    count = 0
    for path in paths:
        panoptic, segments = predictor(cv2.imread(str(path)))
        expected, scores = _predict(model, config, path)
        assert (panoptic == expected).mean() >= 0.999
        found = {segment['id']: segment['score'] for segment in segments if segment['isthing']}
        assert found.keys() == scores.keys()
        # A pixel that goes to the neighbor changes the mean over a small mask by more.
        same = [key for key in found if ((panoptic == key) == (expected == key)).all()]
        assert len(same) > 0.9 * len(found)
        assert [found[key] for key in same] == pytest.approx(
            [scores[key] for key in same], abs=1e-4
        )
        count += len(found)
    assert count > 40
    verified = [*files, out, '--images', str(root / case['images']), '--limit', '2']
    verify.main(verified)
    assert '100.000%' in capsys.readouterr().out
    model.semantic_head.classifier.bias.data.add_(torch.eye(model.num_classes)[0] * 100)
    _save(model, files[1])
    with pytest.raises(SystemExit, match='of 2 images differ'):
        verify.main(verified)
    if data == 'nuclei':
        _check_extremes(program, out, tmp_path / 'extreme.onnx')


def _check_extremes(program, file, changed):
    """Images of stuff alone, and of things without a peak."""
    for thing, peak, expected in ((-1e4, 0, 2), (1e4, -1e4, 0)):
        model = onnx.load(file)
        for tensor in model.graph.initializer:
            for name, values in (('classifier.bias', [thing, 0]), ('predictor.bias', [peak])):
                if tensor.name.endswith(name):
                    array = np.array(values, np.float32)
                    tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
        onnx.save(model, changed)
        image = np.random.default_rng(0).integers(0, 256, (61, 43, 3), dtype=np.uint8)
        panoptic, segments = program.PanopticPredictor(changed)(image)
        assert (panoptic == expected).all()
        assert len(segments) == (expected > 0)


@pytest.mark.slow
def test_of_panoptic_deeplab_the_network_is_exported(export, program, tmp_path, capsys):
    files = _small(tmp_path, 'panoptic_deeplab/panoptic-deeplab_tiny_shapes.py')
    out = str(tmp_path / 'model.onnx')
    export.main([*files, '--out', out, '--size', '64', '96'])
    assert 'network alone, no grouping' in capsys.readouterr().out
    with pytest.raises(ValueError, match='network alone'):
        program.PanopticPredictor(out)
    images = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    session = onnxruntime.InferenceSession(out)
    found = session.run(None, {'images': images.numpy()})
    with torch.no_grad():
        expected = export.load_trained(Config.fromfile(files[0]), files[1])(images)
    names = [output.name for output in session.get_outputs()]
    assert names == list(expected._fields)
    for value, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, wanted.numpy(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        (['--max-peaks', '0'], 'give at least 1'),
        (['--out', 'model.pt'], 'the file must end in .onnx'),
        ([], 'there is no checkpoint nowhere.pth'),
    ],
)
def test_mistakes_are_answered_at_once(export, option, message, capsys):
    with pytest.raises(SystemExit):
        export.parse_args(['config.py', 'nowhere.pth', *option])
    assert message in capsys.readouterr().err


def test_a_checkpoint_of_another_config_is_one_line(export, tmp_path):
    _, checkpoint = _small(tmp_path, 'einet_r18_nuclei.py')
    other = str(CONFIGS / 'einet_tiny_shapes.py')
    with pytest.raises(SystemExit, match='ValueError: .*is no checkpoint of') as info:
        export.main([other, checkpoint, '--out', str(tmp_path / 'model.onnx')])
    assert '\n' not in str(info.value)
