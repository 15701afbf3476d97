import numpy as np

from einet.visualization.targets import target_panels

from .scenes import META, VOID, pets, photo

STRIP = 40  # rows of a title


def panels_of(heatmap, meta=META):
    weights = np.ones((60, 80))
    weights[pets() == VOID] = 0
    weights[pets() == 3001] = 3
    return target_panels(photo(), pets(), weights, heatmap, meta, box=160)


def spots(channels: int, *cells: tuple[int, int, int]) -> np.ndarray:
    """Heatmap with 1 at cells (channel, x, y), and 0.5 right of them."""
    heatmap = np.zeros((channels, 15, 20), np.float32)
    for channel, x, y in cells:
        heatmap[channel, y, x : x + 2] = (1, 0.5)
    return heatmap


def test_a_heatmap_for_each_class_that_is_there():
    panels = panels_of(spots(2, (0, 4, 6), (0, 9, 6)))  # two cats, no dog
    assert {p.shape for p in panels} == {(STRIP + 120, 160, 3)}
    assert len(panels) == 4
    assert len(panels_of(spots(2, (0, 4, 6), (1, 15, 7)))) == 5
    assert len(panels_of(spots(2))) == 3


def test_one_channel_stands_for_all_things():
    # Only its title tells it from a heatmap of the first class.
    one, of_class = panels_of(spots(1, (0, 4, 6)))[3], panels_of(spots(2, (0, 4, 6)))[3]
    assert (one[STRIP:] == of_class[STRIP:]).all()
    assert (one[:STRIP] != of_class[:STRIP]).any()


def test_dots_are_at_the_middle_of_their_cells():
    without, with_dot = panels_of(spots(2))[1], panels_of(spots(2, (1, 3, 12)))[1]
    rows, columns = np.nonzero((without != with_dot)[STRIP:].any(-1))
    # Cells are 8 pixels wide: (3 + 0.5) * 8 - 0.5 = 27.5 and 99.5, drawn at 28 and 100.
    assert (columns.mean(), rows.mean()) == (28, 100)


def test_ignored_is_red_and_what_counts_more_is_yellow():
    weights = panels_of(spots(2))[2][STRIP:].astype(int)
    red, yellow, gray = weights[114, 150], weights[60, 124], weights[2, 2]
    assert red[0] - red[1] > 80
    assert red[1] == red[2]
    assert yellow[1] - yellow[2] > 60
    assert yellow[0] - yellow[1] < 30
    assert len(set(gray)) == 1
