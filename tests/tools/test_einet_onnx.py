"""The program of those who deploy, with models of a few nodes in place of exported ones."""

import ast
import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.dataset import Compose

from tests.paths import CONFIGS, ROOT

from .load import load_tool

onnx = pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')

META = dict(
    einet_format=1,
    categories=[
        dict(id=7, name='car', isthing=1, color=[0, 0, 142]),
        dict(id=3, name='road', isthing=0, color=[128, 64, 128]),
    ],
    channels='rgb',
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    pad_size_divisor=16,
    pad_value=0,
    resize={},
    grouping='class',
    input_size=None,
)


@pytest.fixture(scope='module')
def tool():
    return load_tool('deployment/einet_onnx.py')


def _save(path, meta=META, opset=20, value=1):
    """A model that says `value` for every pixel of the original image."""
    helper, kinds = onnx.helper, onnx.TensorProto
    size = helper.make_node('Concat', ['one', 'original_size'], ['size'], axis=0)
    seg = helper.make_tensor('seg', kinds.INT32, [1], [value])
    nodes = [size, helper.make_node('ConstantOfShape', ['size'], ['panoptic_seg'], value=seg)]
    slots = {'labels': kinds.INT64, 'scores': kinds.FLOAT, 'panoptic_ids': kinds.INT64}
    for name, kind in slots.items():
        empty = helper.make_tensor(name, kind, [1, 2], [0, 0])
        nodes.append(helper.make_node('Constant', [], [name], value=empty))
    inputs = [
        helper.make_tensor_value_info('images', kinds.FLOAT, [1, 3, None, None]),
        helper.make_tensor_value_info('image_size', kinds.INT64, [2]),
        helper.make_tensor_value_info('original_size', kinds.INT64, [2]),
    ]
    outputs = [helper.make_tensor_value_info('panoptic_seg', kinds.INT32, [1, None, None])]
    outputs += [helper.make_tensor_value_info(name, kind, [1, 2]) for name, kind in slots.items()]
    one = helper.make_tensor('one', kinds.INT64, [1], [1])
    graph = helper.make_graph(nodes, 'stub', inputs, outputs, [one])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', opset)], ir_version=10)
    helper.set_model_props(model, {key: json.dumps(value) for key, value in meta.items()})
    path.write_bytes(model.SerializeToString())
    return str(path)


class Session:
    """Keeps what it is fed, and gives one thing of two pixels, stuff and void."""

    def run(self, names, feeds):
        self.feeds = feeds
        height, width = feeds['original_size']
        panoptic = np.full((1, height, width), 2, np.int32)
        panoptic[0, 1, :2] = 1000
        panoptic[0, 2, 1:4] = 1
        slots = dict(labels=[[0, 0]], scores=[[0.0, 0.75]], panoptic_ids=[[0, 1000]])
        outputs = {'panoptic_seg': panoptic} | {key: np.array(v) for key, v in slots.items()}
        return [outputs[name] for name in names]


@pytest.fixture
def predictor(tool, tmp_path):
    predictor = tool.PanopticPredictor(_save(tmp_path / 'stub.onnx'))
    predictor.session = Session()
    return predictor


def test_it_needs_numpy_opencv_and_onnxruntime_alone():
    tree = ast.parse((ROOT / 'tools' / 'deployment' / 'einet_onnx.py').read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {getattr(node, 'module', None) or node.names[0].name for node in imports}
    standard = {'argparse', 'json', 'pathlib', 'sys', 'typing'}
    assert names - standard == {'cv2', 'numpy', 'onnxruntime'}


@pytest.mark.parametrize(
    ('size', 'resize'),
    [
        ((50, 71), dict(scale=(96, 64), keep_ratio=True)),
        ((71, 50), dict(scale=(96, 64), keep_ratio=False)),
        ((50, 71), dict(scale_factor=1.3, keep_ratio=True)),
        ((50, 71), {}),
    ],
    ids=str,
)
def test_images_are_prepared_as_in_the_test_pipeline(predictor, size, resize):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    predictor.meta['resize'] = json.loads(json.dumps(resize))
    predictor(image)
    steps = [dict(type='mmdet.Resize', **resize)] if resize else []
    packed = Compose([*steps, dict(type='PackPanopticInputs', meta_keys=('img_shape',))])(
        dict(img=image.copy(), img_shape=size)
    )
    settings = Config.fromfile(CONFIGS / 'einet_r18_nuclei.py').model.data_preprocessor
    preprocessor = MODELS.build(dict(settings, batch_augments=None))
    batch = preprocessor(dict(inputs=[packed['inputs']], data_samples=[packed['data_samples']]))
    np.testing.assert_allclose(
        predictor.session.feeds['images'], batch['inputs'].numpy(), atol=1e-6
    )
    assert tuple(predictor.session.feeds['image_size']) == packed['data_samples'].img_shape
    assert tuple(predictor.session.feeds['original_size']) == size


def test_a_side_of_an_image_that_is_shrunk_is_at_least_a_pixel(tool):
    assert tool._new_size((500, 1), dict(scale=[96, 96], keep_ratio=True)) == (96, 1)


def test_an_image_is_shrunk_to_a_fixed_input(predictor):
    predictor.meta['input_size'] = [64, 32]
    predictor(np.full((80, 60, 3), 255, np.uint8))
    images = predictor.session.feeds['images']
    assert images.shape == (1, 3, 64, 32)
    assert predictor.session.feeds['image_size'].tolist() == [43, 32]
    assert (images[0, :, :43] > 2).all() and (images[0, :, 43:] == 0).all()


def test_segments_are_listed_in_coco_s_format(predictor):
    panoptic, segments = predictor(np.zeros((3, 5), np.uint8))
    # One more than in the graph: 0 is void.
    assert panoptic.tolist() == [[0] * 5, [1001, 1001, 0, 0, 0], [0, 2, 2, 2, 0]]
    keys = ('id', 'category_id', 'area', 'bbox', 'iscrowd', 'score', 'category', 'isthing')
    assert [[segment[key] for key in keys] for segment in segments] == [
        [2, 3, 3, [1, 2, 3, 1], 0, 1.0, 'road', 0],
        [1001, 7, 2, [0, 1, 2, 1], 0, 0.75, 'car', 1],
    ]
    json.dumps(segments)


@pytest.mark.parametrize(
    'image', [np.zeros((3, 5, 3)), np.zeros((3, 5, 2), np.uint8), 'street.jpg'], ids=type
)
def test_what_is_no_image_is_refused(predictor, image):
    with pytest.raises(ValueError, match='an image must be'):
        predictor(image)


def _without(key):
    return {name: value for name, value in META.items() if name != key}


@pytest.mark.parametrize(
    ('meta', 'opset', 'message'),
    [
        ({}, 20, r'metadata lacks einet_format, .*input_size: write the file again'),
        (_without('mean'), 20, 'metadata lacks mean: write the file again'),
        (META | dict(einet_format=2), 20, 'has format 2, this file reads 1'),
        (META | dict(grouping=None), 20, 'has the network alone'),
        (META, 99, 'newer opset, update onnxruntime'),
    ],
)
def test_a_model_that_does_not_fit_is_refused_in_one_line(tool, meta, opset, message, tmp_path):
    with pytest.raises(ValueError, match=message) as info:
        tool.PanopticPredictor(_save(tmp_path / 'a.onnx', meta, opset))
    assert '\n' not in str(info.value)


def test_a_model_that_is_none_is_refused(tool, tmp_path):
    (tmp_path / 'a.onnx').write_text('no model')
    with pytest.raises(ValueError, match='a.onnx cannot be loaded by ONNX Runtime'):
        tool.PanopticPredictor(tmp_path / 'a.onnx')
    with pytest.raises(ValueError, match='there is no model'):
        tool.PanopticPredictor(tmp_path / 'b.onnx')


def test_a_folder_is_drawn_and_written_in_coco_s_format(tool, tmp_path):
    images, out = tmp_path / 'images', tmp_path / 'out'
    images.mkdir()
    for name, size in (('a.png', (4, 6)), ('b.jpg', (5, 3))):
        cv2.imwrite(str(images / name), np.zeros((*size, 3), np.uint8))
    tool.main([_save(tmp_path / 'm.onnx'), str(images), '--out-dir', str(out), '--coco'])
    content = json.loads((out / 'panoptic.json').read_text())
    assert [image['file_name'] for image in content['images']] == ['a.png', 'b.jpg']
    assert content['categories'] == META['categories']
    for annotation, area in zip(content['annotations'], (24, 15), strict=True):
        (segment,) = annotation['segments_info']
        assert (segment['id'], segment['category_id'], segment['area']) == (2, 3, area)
        codes = cv2.imread(str(out / 'panoptic' / annotation['file_name'])).astype(int)
        assert (codes @ [256**2, 256, 1] == segment['id']).all()
    drawn = cv2.imread(str(out / 'b.jpg.png'))
    assert drawn.shape == (5, 3, 3)
    # 55 % of the color, in BGR.
    assert drawn[2, 1].tolist() == [int(value * 0.55) for value in (128, 64, 128)]


def _video(path, frames=6):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), 10, (64, 48))
    for value in range(frames):
        writer.write(np.full((48, 64, 3), 40 * value, np.uint8))
    writer.release()


def test_a_video_is_drawn(tool, tmp_path):
    _video(tmp_path / 'drive.mp4')
    out = tmp_path / 'out'
    tool.main([_save(tmp_path / 'm.onnx'), str(tmp_path / 'drive.mp4'), '--out-dir', str(out)])
    video = cv2.VideoCapture(str(out / 'drive.mp4'))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 6
    assert video.get(cv2.CAP_PROP_FPS) == 10


def test_bad_inputs_are_one_line_each(tool, tmp_path):
    model = _save(tmp_path / 'm.onnx')
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'broken.mp4').write_bytes(b'no video' * 100)
    (tmp_path / 'broken.jpg').write_bytes(b'no image')
    for name, message in (
        ('empty', 'empty holds no image'),
        ('nowhere', 'there is no image, video or folder'),
        ('broken.jpg', 'broken.jpg cannot be read as an image'),
        ('broken.mp4', 'broken.mp4 cannot be read as a video'),
    ):
        with pytest.raises(SystemExit, match=message) as info:
            tool.main([model, str(tmp_path / name), '--out-dir', str(tmp_path / 'out')])
        assert '\n' not in str(info.value)


def test_a_video_that_ends_early_is_named(tool, predictor, tmp_path, monkeypatch):
    _video(tmp_path / 'drive.mp4', 3)
    video = cv2.VideoCapture(str(tmp_path / 'drive.mp4'))
    cut_off = SimpleNamespace(
        read=video.read, get=lambda key: 5 if key == cv2.CAP_PROP_FRAME_COUNT else 10.0
    )
    monkeypatch.setattr(tool.cv2, 'VideoCapture', lambda path: cut_off)
    (failure,) = tool.run_video(predictor, tmp_path / 'drive.mp4', tmp_path)
    assert 'ends after 3 of 5 frames' in failure
