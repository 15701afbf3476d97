import cv2
import numpy as np
import pytest

from einet.visualization.colors import (
    SegmentColors,
    golden_colors,
    segment_colors,
    track_colors,
)

from .scenes import META, VOID, pets


def lab_distance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """CIE Lab distance of RGB colors, any leading shape."""
    pair = np.stack([first, second]).reshape(2, -1, 3).astype(np.float32) / 255
    first, second = cv2.cvtColor(pair, cv2.COLOR_RGB2Lab)
    return np.linalg.norm(first - second, axis=-1)


def test_paint_looks_colors_up_and_leaves_void_in_its_own():
    colors = SegmentColors(
        np.array([2, 1001]), np.array([3, 1]), np.array([[9, 8, 7], [1, 2, 3]], np.uint8)
    )
    painted = colors.paint(np.array([[2, 1001, 4], [2, 2, 4]]), void_color=(50, 60, 70))
    expected = [[[9, 8, 7], [1, 2, 3], [50, 60, 70]], [[9, 8, 7], [9, 8, 7], [50, 60, 70]]]
    assert painted.tolist() == expected


def test_paint_takes_a_map_that_lost_segments():
    colors = segment_colors(pets(), 4, META['palette'])
    assert colors.paint(np.full((2, 3), 3)).tolist() == [[[110, 160, 240]] * 3] * 2


def test_stuff_has_its_palette_color_and_void_has_none():
    colors = segment_colors(pets(), 4, META['palette'])
    assert colors.ids.tolist() == [2, 3, 1000, 2000, 3001]
    assert colors.colors[:2].tolist() == [[20, 90, 30], [110, 160, 240]]
    # Below: the half minus ten rows of both cats, 14 of the dog, and void.
    assert colors.areas.tolist() == [
        30 * 80 - 10 * 36 - 14 * 16 - 160,
        30 * 80 - 20 * 36 - 16 * 16,
        600,
        480,
        480,
    ]


def test_every_instance_differs_and_neighbors_differ_clearly():
    panoptic_seg = np.full((160, 160), 3)
    for number in range(256):
        row, column = divmod(number, 16)
        panoptic_seg[10 * row : 10 * row + 10, 10 * column : 10 * column + 10] = (
            1000 * (number + 1) + 1
        )
    colors = segment_colors(panoptic_seg, 4, META['palette']).colors
    assert len(np.unique(colors, axis=0)) == 256
    grid = colors.reshape(16, 16, 3)
    assert lab_distance(grid[:, :-1], grid[:, 1:]).min() > 30
    assert lab_distance(grid[:-1], grid[1:]).min() > 30


def test_instances_stand_off_the_stuff_around_them():
    for stuff in golden_colors(12):
        panoptic_seg = np.full((20, 20), 3)
        panoptic_seg[5:9, 4:12] = 1000
        palette = [(0, 0, 0)] * 3 + [tuple(stuff.tolist())]
        colors = segment_colors(panoptic_seg, 4, palette)
        assert lab_distance(colors.colors[0], colors.colors[1]) > 40


def test_colors_repeat():
    first, second = (segment_colors(pets(), 4, META['palette']) for _ in range(2))
    assert (first.colors == second.colors).all()


def test_found_instances_take_the_color_of_the_reference():
    truth = pets()
    truth_colors = segment_colors(truth, 4, META['palette'])
    predicted = truth.copy()
    # Other numbers; the second cat loses more than half of itself to the first; the dog is a cat.
    predicted[truth == 1000] = 7000
    predicted[(truth == 2000) & (np.arange(80) < 38)[None]] = 7000
    predicted[(truth == 2000) & (np.arange(80) >= 38)[None]] = 5000
    predicted[truth == 3001] = 6000
    colors = segment_colors(predicted, 4, META['palette'], reference=(truth, truth_colors))
    of = dict(zip(colors.ids.tolist(), colors.colors.tolist(), strict=True))
    of_truth = dict(zip(truth_colors.ids.tolist(), truth_colors.colors.tolist(), strict=True))
    # IoU 600 / 900 for the first; 180 / 480 for the second.
    assert of[7000] == of_truth[1000]
    assert of[5000] != of_truth[2000]
    assert of[6000] != of_truth[3001]
    assert len({tuple(of[i]) for i in (5000, 6000, 7000)}) == 3


def test_a_new_instance_never_takes_a_color_that_a_found_one_has():
    truth = np.full((40, 40), 3)
    truth[:10, :10] = 1000
    reference = truth, segment_colors(truth, 4, META['palette'])
    predicted = truth.copy()
    predicted[20:39, 20:39] = 2000  # larger, so colored first
    colors = segment_colors(predicted, 4, META['palette'], reference).colors
    assert colors[1].tolist() == reference[1].colors[1].tolist()
    assert colors[2].tolist() != colors[1].tolist()


def test_an_instance_that_was_not_found_lends_its_color_to_no_other():
    truth = np.full((40, 80), 3)
    truth[:10, :10] = 1000
    truth[:10, 70:] = 2000
    reference = truth, segment_colors(truth, 4, META['palette'])
    predicted = np.full((40, 80), 3)
    predicted[20:30, 30:50] = 1000
    own = segment_colors(predicted, 4, META['palette'], reference).colors[1].tolist()
    assert own not in reference[1].colors.tolist()


@pytest.mark.parametrize('panoptic_seg', [np.full((3, 5), VOID), np.zeros((0, 0), np.int64)])
def test_nothing_to_color(panoptic_seg):
    colors = segment_colors(panoptic_seg, 4, META['palette'])
    assert colors.colors.shape == (0, 3)
    assert colors.paint(panoptic_seg).shape == (*panoptic_seg.shape, 3)


@pytest.mark.parametrize('palette', [None, 'random', 'coco'])
def test_palettes_of_mmdet(palette):
    assert len(segment_colors(pets(), 4, palette).colors) == 5


def test_an_object_keeps_the_color_of_its_number():
    first = np.array([[1000, 1000, 2000, 3, 4]])
    second = np.array([[2000, 1000, 3001, 4, 3]])
    palette = [[9, 9, 9], [8, 8, 8], [7, 7, 7], [1, 2, 3]]
    before = track_colors(first, 4, {1000: 1, 2000: 7}, palette)
    after = track_colors(second, 4, {1000: 7, 2000: 1, 3001: 2}, palette)
    assert before.ids.tolist() == [3, 1000, 2000]
    assert before.areas.tolist() == [1, 2, 1]
    assert before.colors[0].tolist() == after.colors[0].tolist() == [1, 2, 3]
    assert before.colors[1:].tolist() == after.colors[[2, 1]].tolist()
    assert len({tuple(color) for color in after.colors.tolist()}) == 4


def test_nothing_to_follow():
    colors = track_colors(np.array([[4, 3]]), 4, {})
    assert colors.ids.tolist() == [3]
