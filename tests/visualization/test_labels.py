from pathlib import Path

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from einet.visualization import labels
from einet.visualization.labels import borders, draw_labels, font_file, label_anchors, load_font

HORSE = '\u99ac'


@pytest.fixture
def horse_font(tmp_path: Path) -> str:
    """A font that has one character, drawn as a solid square of 0.8 em."""
    pen = TTGlyphPen(None)
    pen.moveTo((100, 0))
    for corner in ((100, 800), (900, 800), (900, 0)):
        pen.lineTo(corner)
    pen.closePath()
    builder = FontBuilder(1000)
    builder.setupGlyphOrder(['.notdef', 'horse'])
    builder.setupCharacterMap({ord(HORSE): 'horse'})
    builder.setupGlyf({'.notdef': TTGlyphPen(None).glyph(), 'horse': pen.glyph()})
    builder.setupHorizontalMetrics({'.notdef': (1000, 0), 'horse': (1000, 100)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable(dict(familyName='Horse', styleName='Regular'))
    builder.setupOS2()
    builder.setupPost()
    builder.save(tmp_path / 'horse.ttf')
    return str(tmp_path / 'horse.ttf')


@pytest.fixture
def no_system_fonts(monkeypatch):
    for cached in (labels.font_file, labels._system_fonts, labels._warn_of_missing_font):
        cached.cache_clear()
    monkeypatch.setattr(labels.font_manager, 'findSystemFonts', list)
    yield monkeypatch
    labels.font_file.cache_clear()
    labels._system_fonts.cache_clear()


def test_font_that_has_the_characters_is_found_among_the_systems(no_system_fonts, horse_font):
    no_system_fonts.setattr(labels.font_manager, 'findSystemFonts', lambda: [horse_font])
    assert font_file(HORSE) == horse_font
    assert Path(font_file('cheval')).name == 'DejaVuSans-Bold.ttf'
    # A square of 0.8 em that starts at 0.1 em.
    assert load_font(20, text=HORSE).getmask(HORSE).getbbox() == (2, 0, 18, 16)


def test_font_that_is_named_comes_first(no_system_fonts, horse_font):
    assert font_file(HORSE, font=horse_font) == horse_font
    assert Path(font_file('cheval', font=horse_font)).name == 'DejaVuSans-Bold.ttf'
    image = np.full((100, 200, 3), 90, np.uint8)
    place = np.array([[100, 50]]), np.array([40.0])
    drawn = draw_labels(image, *place, [HORSE], horse_font)
    assert (drawn[44:56, 94:106] == 255).all()


def test_missing_font_is_logged_once(no_system_fonts):
    said = []
    no_system_fonts.setattr(labels, 'print_log', lambda text, **_: said.append(text))
    for name in (HORSE, HORSE * 2, 'cheval'):
        assert Path(font_file(name)).name == 'DejaVuSans-Bold.ttf'
    assert len(said) == 1
    assert 'visualizer.font' in said[0]


def test_borders_are_on_both_sides_of_a_change():
    panoptic_seg = np.array([[1, 1, 1, 2], [1, 1, 1, 2], [1, 1, 1, 1]])
    expected = [[0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 0, 1]]
    assert borders(panoptic_seg).astype(int).tolist() == expected
    assert not borders(np.full((3, 4), 7)).any()


def test_anchor_is_in_the_roomiest_part_of_each_segment():
    # A frying pan: a wide body on the left, a thin handle to the right; the mean lies off the body.
    panoptic_seg = np.zeros((60, 200), np.int64)
    panoptic_seg[10:50, 10:90] = 1000
    panoptic_seg[28:32, 90:190] = 1000
    panoptic_seg[40:60, 150:200] = 2001
    anchors, half_heights = label_anchors(panoptic_seg, np.array([1000, 2001]))
    assert np.abs(anchors[0] - (50, 30)).max() <= 2
    assert np.abs(anchors[1] - (175, 50)).max() <= 3
    # The ellipse in a 40 x 80 box is 20 high above its middle, the one in 20 x 50 is 10.
    assert np.abs(half_heights - (20, 10)).max() <= 1.5
    assert panoptic_seg[anchors[0, 1], anchors[0, 0]] == 1000
    assert panoptic_seg[anchors[1, 1], anchors[1, 0]] == 2001


def test_a_vanished_segment_has_no_room():
    panoptic_seg = np.full((10, 12), 3)
    _, half_heights = label_anchors(panoptic_seg, np.array([3, 5000]))
    assert half_heights[0] > 0
    assert half_heights[1] == 0


def test_anchor_of_a_map_one_pixel_wide():
    anchors, half_heights = label_anchors(np.array([[3], [3], [1000]]), np.array([3, 1000]))
    assert anchors.shape == (2, 2)
    assert np.isfinite(half_heights).all()


def drawn_box(image: np.ndarray, before: np.ndarray) -> tuple[int, int, int, int]:
    """Changed pixels: left, top, right, bottom."""
    y, x = np.nonzero((image != before).any(axis=-1))
    return x.min(), y.min(), x.max(), y.max()


def test_name_is_centered_on_its_anchor_and_the_image_is_not_changed():
    image = np.full((100, 200, 3), 90, np.uint8)
    drawn = draw_labels(image, np.array([[120, 40]]), np.array([30.0]), ['zebra'])
    left, top, right, bottom = drawn_box(drawn, image)
    assert abs((left + right) / 2 - 120) <= 3
    assert abs((top + bottom) / 2 - 40) <= 4
    assert (image == 90).all()


def test_name_stays_inside_the_image():
    image = np.full((60, 200, 3), 90, np.uint8)
    drawn = draw_labels(image, np.array([[2, 1]]), np.array([25.0]), ['elephant'])
    at_the_middle = draw_labels(image, np.array([[100, 30]]), np.array([25.0]), ['elephant'])
    changed, expected = ((d != image).any(-1).sum() for d in (drawn, at_the_middle))
    assert changed >= 0.95 * expected


def test_font_follows_the_room_up_to_a_limit():
    image = np.full((200, 300, 3), 90, np.uint8)
    heights = []
    for half_height in (7, 10, 40, 90):
        drawn = draw_labels(image, np.array([[150, 100]]), np.array([half_height]), ['ox'])
        _, top, _, bottom = drawn_box(drawn, image)
        heights.append(bottom - top)
    assert heights[0] < heights[1] < heights[2] == heights[3]


def test_names_do_not_cover_each_other_and_the_roomier_segment_wins():
    image = np.full((100, 200, 3), 90, np.uint8)
    anchors = np.array([[100, 50], [104, 54]])
    both = draw_labels(image, anchors, np.array([12.0, 30.0]), ['ox', 'ox'])
    alone = draw_labels(image, anchors[1:], np.array([30.0]), ['ox'])
    assert (both == alone).all()


def test_a_class_without_a_name_gets_one_below_its_roomiest_segment():
    image = np.full((100, 200, 3), 90, np.uint8)
    anchors = np.array([[40, 30], [120, 60]])
    drawn = draw_labels(image, anchors, np.array([3.5, 4.5]), ['rhinoceros'] * 2)
    left, top, right, bottom = drawn_box(drawn, image)
    assert abs((left + right) / 2 - 120) <= 3
    assert 60 < top and bottom < 90


def test_tiny_segments_get_no_name():
    image = np.full((100, 200, 3), 90, np.uint8)
    drawn = draw_labels(image, np.array([[40, 30]]), np.array([1.5]), ['ant'])
    assert (drawn == image).all()


def test_font_knows_accents():
    font = load_font(16)
    assert font.getmask('ö').getbbox() != font.getmask('\uffff').getbbox()
