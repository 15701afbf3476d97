import numpy as np
import pytest

from einet.visualization.panoptic import draw_panoptic, fit_scale, resize_map, resize_pair

from .scenes import META, VOID, pets, photo


def draw(panoptic_seg: np.ndarray, image: np.ndarray, **kwargs) -> np.ndarray:
    return draw_panoptic(image, panoptic_seg, META['classes'], palette=META['palette'], **kwargs)


@pytest.mark.parametrize(
    ('size', 'min_size', 'expected'),
    [((200, 100), 400, 4.0), ((640, 480), 400, 1.0), ((10, 400), 400, 8.0), ((50, 60), 0, 1.0)],
)
def test_fit_scale(size, min_size, expected):
    assert fit_scale(*size, min_size) == expected


def test_resize_map_keeps_ids_whole():
    resized = resize_map(np.array([[1000, 2001], [3, 3]]), (4, 6))
    assert resized.shape == (6, 4)
    assert sorted(np.unique(resized).tolist()) == [3, 1000, 2001]
    assert (resized[:3, :2] == 1000).all() and (resized[:3, 2:] == 2001).all()


def test_resize_pair_brings_both_to_one_size():
    image, panoptic_seg = resize_pair(photo(30, 40), pets(60, 80), (50, 70))
    assert image.shape == (70, 50, 3)
    assert panoptic_seg.shape == (70, 50)


def test_touching_instances_of_one_class_look_different():
    image = np.full((60, 80, 3), 128, np.uint8)
    drawn = draw(pets(), image, with_names=False)
    left, right = drawn[25, 15].astype(int), drawn[25, 38].astype(int)
    assert np.abs(left - right).max() > 40
    assert drawn[25, 27].tolist() == drawn[25, 28].tolist() == [255, 255, 255]


def test_stuff_is_blended_with_the_image():
    image = np.full((60, 80, 3), 100, np.uint8)
    drawn = draw(pets(), image, with_names=False, alpha=0.5)
    # 0.7 of 0.5 is the share of the palette's (20, 90, 30).
    assert np.abs(drawn[55, 5].astype(int) - (72, 96.5, 75.5)).max() <= 1
    assert drawn[30, 2].tolist() == [30, 30, 30]  # sky to grass


def test_void_is_dark_and_striped():
    drawn = draw(np.full((40, 40), VOID), np.full((40, 40, 3), 200, np.uint8))
    assert sorted({tuple(c) for c in drawn.reshape(-1, 3).tolist()}) == [(76,) * 3, (121,) * 3]


def test_names_are_written_on_request():
    panoptic_seg, image = pets(), photo()
    panoptic_seg, image = resize_map(panoptic_seg, (480, 360)), np.full((360, 480, 3), 90, np.uint8)
    assert (draw(panoptic_seg, image) != draw(panoptic_seg, image, with_names=False)).any()


def test_the_inputs_are_not_changed():
    panoptic_seg, image = pets(), photo()
    draw(panoptic_seg, image)
    assert (panoptic_seg == pets()).all()
    assert (image == photo()).all()


def test_other_size_is_an_error_that_names_both():
    with pytest.raises(ValueError, match=r'\(60, 80\).*\(30, 80\)'):
        draw(pets()[:30], photo())


@pytest.mark.parametrize('size', [(1, 1), (97, 131), (2, 3)])
def test_odd_sizes(size):
    panoptic_seg = np.zeros(size, np.int64)
    panoptic_seg[: max(1, size[0] // 2)] = 1000
    panoptic_seg[size[0] // 2 + 1 :] = 2
    panoptic_seg[panoptic_seg == 0] = 3
    assert draw(panoptic_seg, photo(*size)).shape == (*size, 3)
