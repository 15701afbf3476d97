import numpy as np
import pytest
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.structures import PixelData

from einet.datasets import PackPanopticInputs
from einet.models.preprocessor import PanopticDataPreprocessor

VOID = 3


def sample(height, width, **meta):
    """A packed image that is full of the thing class 1."""
    table = dict(category=np.array([1]), is_thing=np.array([True]), is_crowd=np.array([False]))
    results = dict(
        img=np.full((height, width, 3), (10, 20, 30), np.uint8),
        gt_seg_map=np.ones((height, width), np.uint16),
        segments=table,
        num_classes=VOID,
        img_path=f'photo_{height}x{width}.jpg',
        img_shape=(height, width),
    )
    return PackPanopticInputs(with_masks=True)(results | meta)


def collate(*samples):
    return {key: [s[key] for s in samples] for key in ('inputs', 'data_samples')}


@pytest.mark.parametrize('training', [True, False])
def test_image_and_maps_are_padded_alike(training):
    preprocessor = PanopticDataPreprocessor(pad_size_divisor=8, pad_value=-1, void_label=VOID)
    batch = preprocessor(collate(sample(5, 9), sample(11, 3)), training)
    inputs, (wide, high) = batch['inputs'], batch['data_samples']
    assert inputs.shape == (2, 3, 16, 16)
    assert inputs.dtype == torch.float32
    for data_sample, image, (height, width) in (
        (wide, inputs[0], (5, 9)),
        (high, inputs[1], (11, 3)),
    ):
        outside = torch.ones(16, 16, dtype=torch.bool)
        outside[:height, :width] = False
        assert torch.equal(image[0] == -1, outside)
        semantic, panoptic = data_sample.gt_sem_seg.sem_seg, data_sample.gt_panoptic_seg.sem_seg
        assert semantic.dtype == torch.uint8
        assert torch.equal(semantic[0] == 255, outside)
        assert (semantic[0][~outside] == 1).all()
        assert panoptic.dtype == torch.int32
        assert torch.equal(panoptic[0] == VOID, outside)
        assert (panoptic[0][~outside] == 1001).all()
        assert np.array_equal(data_sample.gt_instances.masks.masks[0] == 0, outside.numpy())
        assert data_sample.img_shape == (height, width)
        assert data_sample.batch_input_shape == (16, 16)


@pytest.mark.parametrize(('training', 'size'), [(True, (24, 40)), (False, (8, 16))])
def test_training_batches_are_padded_to_one_size_with_the_mean_color(training, size):
    preprocessor = PanopticDataPreprocessor(
        mean=[127.5, 20.0, 2.0],
        std=[127.5, 4.0, 8.0],
        pad_size_divisor=8,
        void_label=VOID,
        batch_augments=[dict(type='BatchFixedSizePad', size=(24, 40))],
    )
    batch = preprocessor(collate(sample(5, 9)), training)
    assert batch['inputs'].shape == (1, 3, *size)
    outside = torch.ones(size, dtype=torch.bool)
    outside[:5, :9] = False
    assert (batch['inputs'][0][:, outside] == 0).all()
    (padded,) = batch['data_samples']
    assert torch.equal(padded.gt_sem_seg.sem_seg[0] == 255, outside)
    assert torch.equal(padded.gt_panoptic_seg.sem_seg[0] == VOID, outside)
    assert padded.gt_instances.masks.masks.shape == (1, *size)


def test_the_callers_samples_stay_as_they_were():
    data = collate(sample(5, 9), sample(11, 3))
    PanopticDataPreprocessor(pad_size_divisor=32, void_label=VOID)(data, True)
    packed = data['data_samples'][0]
    assert packed.gt_sem_seg.shape == (5, 9)
    assert packed.gt_panoptic_seg.shape == (5, 9)
    assert packed.gt_instances.masks.masks.shape == (1, 5, 9)


def test_colors_are_converted_and_normalized():
    preprocessor = PanopticDataPreprocessor(
        mean=[10.0, 0.0, 2.0], std=[2.0, 4.0, 8.0], bgr_to_rgb=True, void_label=VOID
    )
    image = preprocessor(collate(sample(2, 2)))['inputs'][0, :, 0, 0]
    assert image.tolist() == [(30 - 10) / 2, 20 / 4, (10 - 2) / 8]


@pytest.mark.parametrize(
    ('pixel', 'expected'),
    [((30,), [10, 5, 7]), ((30, 20, 10), [0, 2.5, 7]), ((30, 20, 10, 255), [0, 2.5, 7])],
    ids=['gray', 'BGR', 'BGRA'],
)
def test_gray_becomes_three_channels_and_alpha_is_left_out(pixel, expected):
    preprocessor = PanopticDataPreprocessor(mean=[10, 10, 2], std=[2, 4, 4], bgr_to_rgb=True)
    image = torch.tensor(pixel, dtype=torch.uint8)[:, None, None].expand(-1, 2, 5)
    normalized = preprocessor(dict(inputs=[image]))['inputs']
    assert normalized.shape == (1, 3, 2, 5)
    assert normalized[0, :, 1, 4].tolist() == expected
    assert normalized[0, :, 0, 0].tolist() == expected


def test_without_samples():
    batch = PanopticDataPreprocessor(pad_size_divisor=4)(dict(inputs=[torch.zeros(3, 2, 5)]))
    assert batch['inputs'].shape == (1, 3, 4, 8)
    assert batch['data_samples'] is None


def test_without_ground_truth():
    data = dict(inputs=[torch.zeros(3, 2, 5)], data_samples=[DetDataSample()])
    batch = MODELS.build(dict(type='PanopticDataPreprocessor', pad_size_divisor=4))(data)
    assert batch['data_samples'][0].batch_input_shape == (4, 8)


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
@pytest.mark.parametrize('stacked', [False, True])
def test_image_that_is_not_finite(value, stacked):
    data = collate(sample(4, 6), sample(4, 6, img_path='broken.tif'))
    data['inputs'] = [inputs.float() for inputs in data['inputs']]
    data['inputs'][1][2, 3, 5] = value
    if stacked:
        data['inputs'] = torch.stack(data['inputs'])
    with pytest.raises(ValueError, match=r'broken\.tif: the image has NaN or infinite'):
        PanopticDataPreprocessor(void_label=VOID)(data, True)


def test_image_that_is_not_finite_without_a_name():
    with pytest.raises(ValueError, match='image without img_path: .*NaN'):
        PanopticDataPreprocessor()(dict(inputs=[torch.full((3, 2, 2), float('nan'))]))


@pytest.mark.parametrize('key', ['gt_sem_seg', 'gt_panoptic_seg'])
def test_map_of_another_size(key):
    data = collate(sample(4, 6))
    wrong = PixelData(sem_seg=torch.zeros(1, 8, 12, dtype=torch.int32))
    setattr(data['data_samples'][0], key, wrong)
    message = rf'photo_4x6\.jpg: {key} has \(height, width\) \(8, 12\), the image \(4, 6\)'
    with pytest.raises(ValueError, match=message):
        PanopticDataPreprocessor(void_label=VOID)(data, True)


def test_model_with_other_classes_than_the_data():
    data = collate(sample(4, 6, num_classes=19))
    message = r'4x6\.jpg: num_classes of its data set is 19, of the model 3;'
    with pytest.raises(ValueError, match=message):
        PanopticDataPreprocessor(void_label=VOID)(data, True)


def test_model_with_as_many_classes_but_other_things():
    data = collate(sample(4, 6, num_things_classes=2))
    PanopticDataPreprocessor(void_label=VOID, num_things_classes=2)(data, True)
    message = r'num_things_classes of its data set is 2, of the model 1;'
    with pytest.raises(ValueError, match=message):
        PanopticDataPreprocessor(void_label=VOID, num_things_classes=1)(data, True)


def test_padding_needs_the_void_label():
    with pytest.raises(ValueError, match='needs void_label'):
        PanopticDataPreprocessor()(collate(sample(4, 6)), True)


def test_unknown_argument():
    with pytest.raises(TypeError, match='pad_seg'):
        PanopticDataPreprocessor(pad_seg=True)


def test_a_batch_augment_that_scales_is_refused():
    with pytest.raises(ValueError, match='may only pad, but BatchSyncRandomResize would scale'):
        PanopticDataPreprocessor(
            batch_augments=[dict(type='BatchSyncRandomResize', random_size_range=(32, 64))]
        )
