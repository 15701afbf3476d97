"""The laws of test-time augmentation, with a network of random weights and real pipelines."""

from __future__ import annotations

import copy

import cv2
import numpy as np
import pytest
import torch
from mmcv.transforms import Compose
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from einet.models import EINetTTA
from einet.models.cpu_inference import predict_with_copy

from ..paths import CONFIGS
from .tiny import tiny_model

SIZES = ((48, 64), (33, 40))
DATASETS = sorted((CONFIGS / '_base_' / 'datasets').glob('*_panoptic.py'))


@pytest.fixture(scope='module')
def tta():
    """Random, but with some segments of every class, and peaks everywhere."""
    torch.manual_seed(0)
    # Behind a hidden layer, random weights would give all pixels one class.
    linear = dict(hidden_channels=None)
    config = tiny_model(semantic_head=linear, fusion=dict(peak_threshold=0.0, kernel_size=5))
    model = MODELS.build(dict(type='EINetTTA', module=config)).eval()
    model.module.init_weights()
    for conv in (model.module.semantic_head.classifier, model.module.centroid_head.predictor):
        torch.nn.init.normal_(conv.weight)
    return model


def _image(height=48, width=64, seed=0):
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def _views(image, scales=(1.0,), flips=(None,)):
    """One item of a data set whose pipeline ends in TestTimeAug."""
    transform = dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale_factor=scale, keep_ratio=True) for scale in scales],
            [
                dict(
                    type='RandomFlip', prob=float(flip is not None), direction=flip or 'horizontal'
                )
                for flip in flips
            ],
            [dict(type='PackPanopticInputs')],
        ],
    )
    return Compose([transform])(_loaded(image))


def _loaded(image):
    size = image.shape[:2]
    return dict(img=image.copy(), img_shape=size, ori_shape=size, img_path='drawn.png', img_id=7)


def _plain(image):
    return Compose([dict(type='PackPanopticInputs')])(_loaded(image))


def _predict(model, *items):
    with torch.no_grad():
        return model.test_step(pseudo_collate(list(items)))


def _assert_equal(ours, theirs):
    assert ours.pred_panoptic_seg.sem_seg.equal(theirs.pred_panoptic_seg.sem_seg)
    assert ours.pred_sem_seg.sem_seg.equal(theirs.pred_sem_seg.sem_seg)
    for key in ('labels', 'scores', 'panoptic_ids', 'centroids'):
        assert ours.pred_instances[key].equal(theirs.pred_instances[key]), key


def _assert_mirrored(ours, theirs, axis=-1):
    for key in ('pred_panoptic_seg', 'pred_sem_seg'):
        assert ours.get(key).sem_seg.flip(axis).equal(theirs.get(key).sem_seg)
    instances, mirrored = ours.pred_instances, theirs.pred_instances
    assert instances.panoptic_ids.equal(mirrored.panoptic_ids)
    torch.testing.assert_close(instances.scores, mirrored.scores)
    length = ours.pred_sem_seg.sem_seg.shape[axis]
    column = {-1: 0, -2: 1}[axis]
    back = instances.centroids.clone()
    back[:, column] = length - 1 - back[:, column]
    torch.testing.assert_close(back, mirrored.centroids)


@pytest.mark.parametrize('size', [(48, 64), (45, 61), (33, 18)])
def test_one_view_is_the_plain_prediction(tta, size):
    image = _image(*size)
    (ours,) = _predict(tta, _views(image))
    (plain,) = _predict(tta.module, _plain(image))
    assert len(plain.pred_instances) > 1
    assert len(plain.pred_sem_seg.sem_seg.unique()) == 3
    _assert_equal(ours, plain)
    assert ours.img_path == 'drawn.png' and ours.img_id == 7


def test_views_run_the_faster_copy_as_well(tta):
    model = copy.deepcopy(tta)
    predict_with_copy(model)
    (ours,) = _predict(model, _views(_image()))
    (plain,) = _predict(model.module, _plain(_image()))
    _assert_equal(ours, plain)
    (slower,) = _predict(tta, _views(_image()))
    assert not slower.pred_instances.scores.equal(ours.pred_instances.scores)
    torch.testing.assert_close(slower.pred_instances.scores, ours.pred_instances.scores)


@pytest.mark.parametrize('direction', ['horizontal', 'vertical'])
def test_a_mirrored_image_gives_the_mirrored_prediction(tta, direction):
    axis = {'horizontal': 1, 'vertical': 0}[direction]
    image = _image()
    flips = (None, direction)
    (ours,) = _predict(tta, _views(image, flips=flips))
    (mirrored,) = _predict(tta, _views(np.flip(image, axis), flips=flips))
    assert len(ours.pred_instances) > 2
    _assert_mirrored(ours, mirrored, axis - 2)
    # Which the network alone does not give.
    (plain,) = _predict(tta.module, _plain(image))
    (other,) = _predict(tta.module, _plain(np.flip(image, axis)))
    assert not plain.pred_sem_seg.sem_seg.flip(axis - 2).equal(other.pred_sem_seg.sem_seg)


@pytest.mark.parametrize('direction', ['horizontal', 'vertical', 'diagonal'])
def test_a_flipped_view_alone_is_flipped_back(tta, direction):
    axes = {'horizontal': (1,), 'vertical': (0,), 'diagonal': (0, 1)}[direction]
    image = _image()
    (ours,) = _predict(tta, _views(image, flips=(direction,)))
    (plain,) = _predict(tta.module, _plain(np.flip(image, axes)))
    back = plain.pred_sem_seg.sem_seg.flip([axis + 1 for axis in axes])
    assert ours.pred_sem_seg.sem_seg.equal(back)


def test_scales_and_flips_together(tta):
    image = _image(45, 61)
    (merged,) = _predict(tta, _views(image, (1.0, 0.5, 1.5), (None, 'horizontal')))
    ids = merged.pred_panoptic_seg.sem_seg.unique()
    assert merged.pred_panoptic_seg.sem_seg.shape == (1, 45, 61)
    assert set(merged.pred_instances.panoptic_ids.tolist()) == set(ids[ids >= 1000].tolist())
    scores = merged.pred_instances.scores
    assert len(scores) > 2
    assert ((scores >= 0) & (scores <= 1)).all()
    (plain,) = _predict(tta.module, _plain(image))
    agree = merged.pred_sem_seg.sem_seg == plain.pred_sem_seg.sem_seg
    assert 0.5 < agree.float().mean() < 1


def test_many_equal_views_are_one_view(tta):
    image = _image()
    (ours,) = _predict(tta, _views(image, scales=(1.0, 1.0, 1.0)))
    (plain,) = _predict(tta.module, _plain(image))
    agree = ours.pred_panoptic_seg.sem_seg == plain.pred_panoptic_seg.sem_seg
    assert agree.float().mean() > 0.999
    torch.testing.assert_close(ours.pred_instances.scores, plain.pred_instances.scores)


def test_images_of_a_batch_do_not_see_each_other(tta):
    items = [_views(_image(*size), (1.0, 0.75), (None, 'horizontal')) for size in SIZES]
    together = _predict(tta, *items)
    for ours, item in zip(together, items, strict=True):
        _assert_equal(ours, _predict(tta, item)[0])


def test_images_without_views_are_refused(tta):
    with pytest.raises(ValueError, match='must end with TestTimeAug'):
        _predict(tta, _plain(_image()))


def test_the_wrapper_is_registered_and_positions_are_on(tta):
    assert isinstance(tta, EINetTTA)
    assert tta.module.instance_head.position == 'add'


@pytest.mark.parametrize('path', DATASETS, ids=lambda path: path.stem)
def test_the_first_view_of_every_data_set_is_its_test_image(path, tmp_path):
    config = Config.fromfile(path)
    file = tmp_path / 'some.png'
    cv2.imwrite(str(file), _image(40, 56))
    data = dict(img_path=str(file), img_id=1, seg_map_path=None)
    plain = Compose(config.test_pipeline)(dict(data))
    views = Compose(config.tta_pipeline)(dict(data))
    assert views['inputs'][0].equal(plain['inputs'])
    ways = {
        (sample.img_shape, sample.flip_direction if sample.flip else None)
        for sample in views['data_samples']
    }
    assert len(ways) == len(views['inputs']) >= 4
