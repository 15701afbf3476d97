import numpy as np
import pytest

from einet.visualization.sheet import SheetRow, compose_sheet, panel_size, titled, wrapped_rows


def filled(height: int, width: int, color: tuple[int, int, int]) -> np.ndarray:
    return np.full((height, width, 3), color, np.uint8)


def center_of(sheet: np.ndarray, color: tuple[int, int, int]) -> tuple[float, float, int]:
    y, x = np.nonzero((sheet == color).all(-1))
    return x.mean(), y.mean(), len(x)


@pytest.mark.parametrize(
    ('size', 'expected'),
    [((100, 200), (400, 200)), ((200, 100), (200, 400)), ((1, 2000), (400, 1))],
)
def test_panel_size(size, expected):
    assert panel_size(*size, box=400) == expected


def test_images_stand_in_their_cells():
    rows = [
        SheetRow('wide', [filled(50, 100, (200, 0, 0)), filled(50, 100, (0, 200, 0))]),
        SheetRow('high', [filled(100, 40, (0, 0, 200)), filled(60, 100, (200, 200, 0))]),
    ]
    sheet = compose_sheet(['left', 'right'], rows, box=100, heading='model')
    red, green, blue, yellow = (
        center_of(sheet, c) for c in ((200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 0))
    )
    assert [c[2] for c in (red, green, blue, yellow)] == [5000, 5000, 4000, 6000]
    assert red[1] == green[1] < blue[1]
    assert abs(red[0] - blue[0]) <= 0.5 and green[0] == yellow[0]  # centered in their columns
    assert abs(blue[1] - yellow[1]) <= 0.5  # and in their row
    assert sheet[0, 0].tolist() == [255, 255, 255]


def test_titles_captions_and_heading_are_written():
    def ink(title: str, caption: str, heading: str) -> int:
        row = SheetRow(caption, [filled(30, 100, (255, 255, 255))])
        return int((compose_sheet([title], [row], 100, heading) < 128).any(-1).sum())

    assert ink('', '', '') == 0
    assert min(ink('title', '', ''), ink('', 'caption', ''), ink('', '', 'heading')) > 50


def test_long_titles_stay_in_their_columns():
    row = SheetRow('', [filled(30, 90, (255, 255, 255))] * 2)
    sheet = compose_sheet(['centroid heatmap', 'instance embedding'], [row], 90)
    inked = (sheet < 128).all(-1).any(0)
    # Columns start after the margin of 32 and are 14 apart.
    assert inked[32:122].any() and inked[136:226].any()
    assert not inked[122:136].any() and not inked[:32].any() and not inked[226:].any()


def test_another_number_of_images_is_an_error():
    with pytest.raises(ValueError, match='row "a.jpg" has 1 images for 2 titles'):
        compose_sheet(['x', 'y'], [SheetRow('a.jpg', [filled(3, 3, (0, 0, 0))])], 10)


def test_no_row_is_an_error():
    with pytest.raises(ValueError, match='at least one row'):
        compose_sheet(['x'], [], 10)


def test_a_title_stands_above_its_image_and_fits():
    image = filled(30, 90, (200, 0, 0))
    drawn = titled(image, 'a title much longer')
    assert (drawn[-30:] == image).all()
    strip = drawn[:-30]
    assert (strip < 128).all(-1).sum() > 50
    assert (strip[:, :2] == 255).all() and (strip[:, -2:] == 255).all()


def test_images_wrap_and_white_ones_fill_the_last_row():
    images = [filled(10, 20, (shade, 0, 0)) for shade in (10, 20, 30, 40, 50)]
    first, second = wrapped_rows('a.jpg', images, 3)
    assert (first.caption, second.caption) == ('a.jpg', '')
    assert [int(i[0, 0, 0]) for i in (*first.images, *second.images)] == [10, 20, 30, 40, 50, 255]
    assert len(wrapped_rows('a.jpg', images[:3], 3)) == 1


def test_no_line_is_kept_for_titles_and_captions_that_are_empty():
    row, bare = (SheetRow(c, [filled(30, 100, (0, 0, 0))]) for c in ('caption', ''))
    full, without = compose_sheet(['x'], [row, bare], 100), compose_sheet([''], [row, bare], 100)
    assert len(full) - len(without) == 48
    assert len(compose_sheet([''], [row, row], 100)) - len(without) == 40
