import numpy as np
import pytest

from einet.report.examine import examine
from einet.report.layers import FATE_COLORS, TruthMap, hover_map, pred_rows, segment_boxes
from einet.structures.segments import NONE

from .scene import META, PREDICTION, TRUTH, evaluated

HEIGHT = 20


@pytest.fixture
def drawn():
    """The scene's row, 20 pixels high, and what was made of it."""
    sample = evaluated([TRUTH] * HEIGHT, prediction=[PREDICTION] * HEIGHT)
    image = np.full((HEIGHT, len(TRUTH), 3), 100, np.uint8)
    truth = TruthMap(image, sample, META, box=2 * len(TRUTH))
    return truth, sample, examine(sample)


def color_at(image, pixel):
    """The color in the middle of a pixel of the scene, which is drawn twice as large."""
    return image[HEIGHT, 2 * pixel + 1].tolist()


def test_ground_truth_has_a_color_per_instance_and_none_where_void(drawn):
    truth, *_ = drawn
    layers = truth.draw()
    assert {layer.shape for layer in layers.values()} == {(2 * HEIGHT, 2 * len(TRUTH), 3)}
    assert truth.ids[0, [5, 15, 25, 40, 52]].tolist() == [1000, 2000, 3001, 2, 3]
    assert color_at(layers['truth'], 4) != color_at(layers['truth'], 13)


def test_errors_have_the_color_of_their_fate(drawn):
    truth, sample, result = drawn
    errors = truth.draw_prediction(sample.pred_map, result)['errors'].astype(int)

    def mixed(fate, opacity):
        return (opacity * np.array(FATE_COLORS[fate]) + (1 - opacity) * 100).round().tolist()

    assert color_at(errors, 4) == mixed('found', 0.15)
    assert color_at(errors, 17) == mixed('too loose', 0.75)
    assert color_at(errors, 28) == mixed('wrong class', 0.75)
    assert color_at(errors, 60) == mixed('missed', 0.75)
    assert color_at(errors, 32) == mixed('invented', 0.75)
    assert color_at(errors, 52) == mixed('not counted', 0.6)


def test_two_errors_in_one_place_are_striped():
    # A dog where a cat is, on a quarter of it: one is missed, the other invented.
    truth = np.full((HEIGHT, 40), 7)
    prediction = np.full((HEIGHT, 40), 3)
    prediction[:, 10:20] = 1001
    sample = evaluated(truth, [(7, 0)], prediction)
    drawing = TruthMap(np.zeros((HEIGHT, 40, 3), np.uint8), sample, META, box=80)
    errors = drawing.draw_prediction(sample.pred_map, examine(sample))['errors']
    inside = {tuple(color) for color in errors[4:36, 24:36].reshape(-1, 3).tolist()}
    assert len(inside) == 2
    outside = {tuple(color) for color in errors[4:36, 50:70].reshape(-1, 3).tolist()}
    assert len(outside) == 1
    assert outside < inside


def test_places_lead_to_the_segments(drawn):
    truth, sample, result = drawn
    hovered = hover_map(truth.rows, pred_rows(sample.pred_map, result))
    runs = np.reshape(hovered['runs'], (-1, 3))
    assert hovered['size'] == (len(TRUTH), HEIGHT)
    assert runs[:, 0].sum() == len(TRUTH) * HEIGHT
    # Rows of the predictions 2, 3 (void), 1000, 2000, 4000, 5001, 6001.
    assert runs[:6].tolist() == [
        [9, 0, 2], [1, 0, NONE], [4, 1, 3], [6, 1, NONE], [8, 2, 4], [2, 2, NONE]
    ]  # fmt: skip


def test_large_maps_are_made_small():
    rows = np.repeat([[0, 1]], 400, axis=1).repeat(300, axis=0)
    hovered = hover_map(rows, rows)
    assert hovered['size'] == (320, 120)
    assert hovered['runs'][:6] == [160, 0, 0, 160, 1, 1]


def test_boxes_are_shares_of_the_image():
    rows = np.full((10, 20), NONE)
    rows[2:7, 4:8] = 0
    assert segment_boxes(rows, 2) == [[0.2, 0.2, 0.2, 0.5], []]
