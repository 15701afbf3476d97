import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from mmdet.evaluation.functional import INSTANCE_OFFSET
from mmdet.registry import TRANSFORMS

from einet.datasets.transforms import PackPanopticInputs
from einet.datasets.transforms.loading import PADDING_INDEX

# Rows: a man, a crowd of cars, sky, a car, tree. Labels: man 0, car 1, tree 2, sky 3; C = 4.
TABLE = dict(
    category=np.array([0, 1, 3, 1, 2]),
    is_thing=np.array([True, False, False, True, False]),
    is_crowd=np.array([False, True, False, False, False]),
)
VOID = 4


def results_of(index_map, **kwargs):
    """What comes out of the geometric transforms."""
    index_map = np.asarray(index_map, np.uint16)
    image = np.random.default_rng(0).integers(0, 256, (*index_map.shape, 3), np.uint8)
    return dict(img=image, gt_seg_map=index_map, segments=TABLE, num_classes=VOID) | kwargs


def pack(index_map, **kwargs):
    return PackPanopticInputs(**kwargs)(results_of(index_map))['data_samples']


def test_hand_made_image():
    # Index 1 (man) has lost all pixels; 4 is a car, 2 a crowd of cars, 3 sky, 5 tree.
    sample = pack([[3, 3, 2, 0], [4, 3, 2, 5], [4, 4, 4, 5]])
    sem_seg = sample.gt_sem_seg.sem_seg
    assert sem_seg.dtype == torch.uint8
    assert sem_seg.tolist() == [[[3, 3, 255, 255], [1, 3, 255, 2], [1, 1, 1, 2]]]
    panoptic = sample.gt_panoptic_seg.sem_seg
    assert panoptic.dtype == torch.int32
    car = 1 + 1 * INSTANCE_OFFSET
    assert panoptic.tolist() == [[[3, 3, VOID, VOID], [car, 3, VOID, 2], [car, car, car, 2]]]
    instances = sample.gt_instances
    assert instances.labels.tolist() == [1]
    # Center of mass (0.75, 1.75).
    assert instances.centroids.tolist() == [[1, 2]]
    assert instances.areas.tolist() == [4]
    assert instances.bboxes.tolist() == [[0, 1, 3, 3]]
    types = {key: value.dtype for key, value in instances.items()}
    floats = dict.fromkeys(('centroids', 'areas', 'bboxes'), torch.float32)
    assert types == dict(labels=torch.int64, **floats)


def test_instances_are_numbered_without_gaps():
    sample = pack([[4, 1], [0, 5]])
    assert sample.gt_instances.labels.tolist() == [0, 1]
    assert sample.gt_panoptic_seg.sem_seg.tolist() == [[[2001, 1000], [VOID, 2]]]


def test_is_registered():
    transform = TRANSFORMS.build(dict(type='PackPanopticInputs', meta_keys=('img_id',)))
    assert repr(transform) == "PackPanopticInputs(meta_keys=('img_id',), with_masks=False)"


@pytest.mark.parametrize(
    ('index_map', 'labels'),
    [
        pytest.param([[0, 0, 0], [0, 0, 0]], 255, id='all void'),
        pytest.param([[2, 2, 2], [2, 2, 2]], 255, id='only crowd'),
        pytest.param([[5, 5, 5], [5, 5, 5]], 2, id='no things'),
    ],
)
def test_images_without_instances(index_map, labels):
    sample = pack(index_map, with_masks=True)
    assert (sample.gt_sem_seg.sem_seg == labels).all()
    assert (sample.gt_panoptic_seg.sem_seg == (VOID if labels == 255 else labels)).all()
    instances = sample.gt_instances
    assert len(instances) == 0
    assert instances.centroids.shape == (0, 2)
    assert instances.bboxes.shape == (0, 4)
    assert instances.masks.masks.shape == (0, 2, 3)


def test_one_pixel_instance():
    sample = pack([[5, 5, 5], [5, 5, 1]])
    assert sample.gt_instances.centroids.tolist() == [[2, 1]]
    assert sample.gt_instances.bboxes.tolist() == [[2, 1, 3, 2]]
    assert sample.gt_instances.areas.tolist() == [1]


def test_masks_are_the_instances():
    sample = pack([[4, 1, 1], [4, 2, 5]], with_masks=True)
    masks = sample.gt_instances.masks.masks
    assert masks.dtype == np.uint8
    assert masks.tolist() == [[[0, 1, 1], [0, 0, 0]], [[1, 0, 0], [1, 0, 0]]]


@given(
    arrays(np.uint16, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 5))
)
def test_maps_and_instances_agree(index_map):
    sample = pack(index_map)
    sem_seg, panoptic = sample.gt_sem_seg.sem_seg[0], sample.gt_panoptic_seg.sem_seg[0]
    instances = sample.gt_instances
    labels = torch.where(panoptic == VOID, 255, panoptic % INSTANCE_OFFSET)
    assert torch.equal(labels, sem_seg.int())
    numbers = torch.unique(panoptic // INSTANCE_OFFSET)
    assert set(numbers.tolist()) - {0} == set(range(1, len(instances) + 1))
    for k, label in enumerate(instances.labels.tolist()):
        mask = panoptic == label + INSTANCE_OFFSET * (k + 1)
        assert mask.sum() == instances.areas[k]
        x, y = instances.centroids[k].long().tolist()
        assert mask[y, x]


def test_padding_of_stock_transforms_is_void():
    many = dict(category=np.full(300, 1), is_thing=np.ones(300, bool), is_crowd=np.zeros(300, bool))
    many['is_crowd'][PADDING_INDEX - 1] = True  # as the loader makes it
    for table in (TABLE, many):
        results = results_of([[1, 1], [PADDING_INDEX, 1]], segments=table)
        sample = PackPanopticInputs()(results)['data_samples']
        assert sample.gt_sem_seg.sem_seg[0, 1, 0] == 255
        assert sample.gt_panoptic_seg.sem_seg[0, 1, 0] == VOID
        assert sample.gt_instances.areas.tolist() == [3]


def test_padding_with_another_value_is_an_error():
    results = results_of([[1, 1], [114, 1]], img_path='photo.jpg')
    with pytest.raises(ValueError, match=r"photo\.jpg.*index 114.*5 segments.*pad_val for 'seg'"):
        PackPanopticInputs()(results)


@pytest.mark.parametrize(
    ('key', 'way_out'), [('segments', 'LoadPanopticSegments'), ('num_classes', 'PanopticDataset')]
)
def test_lacking_keys(key, way_out):
    results = results_of([[1]])
    del results[key]
    with pytest.raises(KeyError, match=f'`{key}`.*{way_out}'):
        PackPanopticInputs()(results)


def test_without_annotation_only_the_image_is_packed():
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    packed = PackPanopticInputs()(dict(img=image, img_id='a', ori_shape=(2, 4), other=1))
    assert packed['inputs'].shape == (3, 2, 4)
    assert packed['inputs'][:, 1, 2].tolist() == [18, 19, 20]
    sample = packed['data_samples']
    assert sample.metainfo == dict(img_id='a', ori_shape=(2, 4))
    assert 'gt_sem_seg' not in sample


def test_images_of_any_layout_and_type():
    image = np.random.default_rng(0).normal(size=(3, 5, 3)).astype(np.float32)
    packed = PackPanopticInputs()(dict(img=image[:, ::-1]))['inputs']
    assert packed.dtype == torch.float32
    assert packed.is_contiguous()
    assert np.array_equal(packed.numpy(), image[:, ::-1].transpose(2, 0, 1))
    gray = PackPanopticInputs()(dict(img=image[..., 0]))['inputs']
    assert np.array_equal(gray.numpy(), image[None, ..., 0])
