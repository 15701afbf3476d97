"""Stock transforms must move the map of indices as they move the image."""

import numpy as np
import pytest
from mmdet.registry import TRANSFORMS

from einet.datasets.transforms import PackPanopticInputs

H, W = 97, 131
PAD = dict(img=0, seg=0)


@pytest.fixture
def results():
    """An image whose first two channels repeat the index: many segments, sizes odd."""
    rng = np.random.default_rng(0)
    indices = rng.permutation(np.arange(1, 401))
    indices[indices == 255] = 0
    index_map = np.kron(indices.reshape(20, 20), np.ones((5, 7), int))[:H, :W].astype(np.uint16)
    blue = np.full_like(index_map, 7)
    image = np.stack([index_map & 255, index_map >> 8, blue], axis=-1).astype(np.uint8)
    table = dict(
        category=np.arange(400) % 5, is_thing=np.ones(400, bool), is_crowd=np.zeros(400, bool)
    )
    table['is_crowd'][254] = True  # the loader's row for padding
    return dict(
        img=image,
        img_shape=(H, W),
        ori_shape=(H, W),
        gt_seg_map=index_map,
        seg_fields=['gt_seg_map'],
        segments=table,
        num_classes=5,
    )


@pytest.mark.parametrize(
    ('config', 'shape'),
    [
        (dict(type='mmcv.Resize', scale=(200, 53), interpolation='nearest'), (53, 200)),
        (dict(type='mmdet.Resize', scale=(200, 53), interpolation='nearest'), (53, 200)),
        (dict(type='mmseg.Resize', scale=(200, 53), interpolation='nearest'), (53, 200)),
        (dict(type='mmcv.RandomFlip', prob=1.0), (H, W)),
        (dict(type='mmdet.RandomFlip', prob=1.0, direction='vertical'), (H, W)),
        (dict(type='mmseg.RandomFlip', prob=1.0), (H, W)),
        (dict(type='mmdet.RandomCrop', crop_size=(40, 61)), (61, 40)),
        (dict(type='mmseg.RandomCrop', crop_size=(61, 40)), (61, 40)),
        (dict(type='mmcv.Pad', size=(140, 99), pad_val=PAD), (99, 140)),
        (dict(type='mmdet.Pad', size=(140, 99), pad_val=PAD), (99, 140)),
        (dict(type='mmcv.RandomChoiceResize', scales=[(150, 60)], keep_ratio=True), (60, 81)),
    ],
)
def test_map_follows_the_image(results, config, shape):
    if config['type'] == 'mmcv.RandomChoiceResize':
        config = config | dict(resize_type='mmdet.Resize', interpolation='nearest')
    np.random.seed(1)
    results = TRANSFORMS.build(config)(results)
    index_map, image = results['gt_seg_map'], results['img'].astype(int)
    assert index_map.dtype == np.uint16
    assert index_map.shape == shape == results['img_shape']
    assert np.array_equal(index_map, image[..., 0] + 256 * image[..., 1])


def test_random_resize(results):
    transform = TRANSFORMS.build(
        dict(
            type='mmcv.RandomResize',
            scale=(W, H),
            ratio_range=(0.5, 2.0),
            resize_type='mmdet.Resize',
            keep_ratio=True,
            interpolation='nearest',
        )
    )
    np.random.seed(2)
    results = transform(results)
    image = results['img'].astype(int)
    assert results['gt_seg_map'].shape != (H, W)
    assert np.array_equal(results['gt_seg_map'], image[..., 0] + 256 * image[..., 1])


@pytest.mark.parametrize('scope', ['mmcv', 'mmdet'])
def test_default_padding_is_void(results, scope):
    padded = TRANSFORMS.build(dict(type=f'{scope}.Pad', size=(140, 99)))(results)
    assert padded['gt_seg_map'][98, 139] == 255
    sample = PackPanopticInputs()(padded)['data_samples']
    assert (sample.gt_sem_seg.sem_seg[0, H:] == 255).all()
    assert (sample.gt_panoptic_seg.sem_seg[0, :, W:] == 5).all()


def test_instance_wholly_outside_the_crop(results):
    everything = PackPanopticInputs()(dict(results))['data_samples'].gt_instances
    np.random.seed(0)
    cropped = TRANSFORMS.build(dict(type='mmdet.RandomCrop', crop_size=(14, 10)))(results)
    sample = PackPanopticInputs()(cropped)['data_samples']
    left = set(np.unique(cropped['gt_seg_map'])) - {0}
    assert 0 < len(left) == len(sample.gt_instances) < len(everything)
    assert sample.gt_instances.areas.sum() == (sample.gt_sem_seg.sem_seg != 255).sum()


def test_crop_of_a_small_image_is_padded_to_one_size(results):
    for config in (
        dict(type='mmdet.RandomCrop', crop_size=(160, 64)),
        dict(type='mmdet.Pad', size=(160, 64), pad_val=PAD),
    ):
        results = TRANSFORMS.build(config)(results)
    assert results['img'].shape == (64, 160, 3)
    assert results['gt_seg_map'].shape == (64, 160)
    assert (results['gt_seg_map'][:, W:] == 0).all()
