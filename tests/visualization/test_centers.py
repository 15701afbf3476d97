import numpy as np
import pytest

from einet.visualization.centers import plot_centers

RED, GREEN, BLUE = (230, 10, 20), (20, 200, 30), (10, 20, 240)
CLASSES = ['cat', 'dog', 'sky']
# Of cosine -1 in the matrix, darker than any class.
DEEP_BLUE = (5, 48, 97)


@pytest.fixture
def pixels():
    """Forty pixels of a cat to the left, sixty of sky to the right, in 3 dimensions."""
    rng = np.random.default_rng(0)
    cat = np.array([-1.0, 0, 0.2]) + 0.05 * rng.normal(size=(40, 3))
    sky = np.array([1.0, 0, 0.2]) + 0.05 * rng.normal(size=(60, 3))
    return np.concatenate([cat, sky]), np.repeat([0, 2], [40, 60])


def draw(pixels, centers, seen=(True, True, True)):
    palette = [RED, GREEN, BLUE]
    return plot_centers(*pixels, np.array(centers), np.array(seen), CLASSES, palette)


def columns(picture, color):
    """Columns of the points of a color, above the legend."""
    near = np.abs(picture[:230].astype(int) - color).max(axis=2) < 40
    return np.nonzero(near)[1]


SPREAD = [[-2.0, 0, 0], [0, 5, 0], [3, 0, 0]]


def test_classes_are_where_their_pixels_are(pixels):
    picture = draw(pixels, SPREAD)
    cat, sky = columns(picture, RED), columns(picture, BLUE)
    assert abs(np.median(cat) - np.median(sky)) > 150
    assert len(columns(picture, GREEN)) == 0


def test_only_directions_count(pixels):
    picture = draw(pixels, SPREAD)
    longer = (7 * pixels[0], pixels[1])
    assert (picture == draw(longer, 3 * np.array(SPREAD))).all()
    assert (picture != draw(pixels, SPREAD[::-1])).any()


def test_cosines_of_centers_that_have_been_seen(pixels):
    def opposite(picture):
        near = np.abs(picture.astype(int) - DEEP_BLUE).max(axis=2) < 4
        return near[:, 550:950].sum()  # without the scale at the edge

    # Two of nine cells; of four when only cat and sky have been seen.
    few, many = draw(pixels, SPREAD), draw(pixels, SPREAD, (True, False, True))
    assert opposite(few) > 5000
    assert opposite(many) > 1.5 * opposite(few)
    assert opposite(draw(pixels, np.ones((3, 3)))) < 100


def test_no_center_has_been_seen(pixels):
    assert draw(pixels, SPREAD, (False, False, False)).shape[2] == 3


def test_more_classes_than_a_legend_can_name():
    rng = np.random.default_rng(1)
    names = [f'class {i}' for i in range(133)]
    palette = rng.integers(0, 255, (133, 3))
    pixels, labels = rng.normal(size=(500, 8)), rng.integers(0, 133, 500)
    centers, seen = rng.normal(size=(133, 8)), np.ones(133, bool)
    picture = plot_centers(pixels, labels, centers, seen, names, palette, 'many')
    assert picture.shape == (500, 1100, 3)
