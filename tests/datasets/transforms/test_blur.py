import numpy as np
import pytest
from mmdet.registry import TRANSFORMS
from scipy.ndimage import gaussian_filter1d

from einet.datasets.transforms import GaussianBlur


def noise_image(height=40, width=57):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def results(image=None):
    image = noise_image() if image is None else image
    return dict(img=image, gt_seg_map=np.arange(image.shape[0] * image.shape[1]))


def test_it_is_a_gaussian_of_that_width():
    blurred = GaussianBlur((1.3, 1.3))(results(noise_image().astype(np.float64)))['img']
    expected = noise_image().astype(np.float64)
    for axis in (0, 1):
        expected = gaussian_filter1d(expected, 1.3, axis=axis, mode='mirror')
    assert np.abs(blurred - expected).max() < 0.5


def test_the_map_stays():
    before = results()
    after = GaussianBlur()(dict(before))
    assert after['gt_seg_map'] is before['gt_seg_map']
    assert after['img'].dtype == np.uint8
    assert after['img'].shape == before['img'].shape


def test_every_image_has_its_own_width():
    np.random.seed(0)
    transform = GaussianBlur((0.5, 2.0))
    first, second = (transform(results())['img'] for _ in range(2))
    assert not np.array_equal(first, second)
    np.random.seed(0)
    assert np.array_equal(transform(results())['img'], first)


@pytest.mark.parametrize('shape', [(1, 1), (1, 9), (7, 1), (2, 3)])
@pytest.mark.parametrize('config', [dict(type='GaussianBlur'), dict(type='mmseg.CLAHE')])
def test_small_images_and_flipped_ones(shape, config):
    flipped = noise_image(*shape)[:, ::-1]
    assert TRANSFORMS.build(config)(results(flipped))['img'].shape == (*shape, 3)


@pytest.mark.parametrize('sigma_range', [(0, 1), (2, 1), (1,), (-1, 1)])
def test_wrong_range(sigma_range):
    with pytest.raises(ValueError, match='sigma_range is .* both above 0'):
        GaussianBlur(sigma_range)


@pytest.mark.parametrize('transform', [dict(type='GaussianBlur'), dict(type='mmseg.CLAHE')])
def test_some_images_are_changed_and_no_map(transform):
    np.random.seed(0)
    some = TRANSFORMS.build(dict(type='RandomApply', prob=0.3, transforms=[transform]))
    samples = [some(results()) for _ in range(40)]
    changed = [not np.array_equal(sample['img'], noise_image()) for sample in samples]
    assert 5 < sum(changed) < 20
    assert all((s['gt_seg_map'] == results()['gt_seg_map']).all() for s in samples)
