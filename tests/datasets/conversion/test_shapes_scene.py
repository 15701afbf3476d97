import cv2
import numpy as np
import pytest

from einet.datasets.conversion.shapes_classes import COLORED_THINGS, FREQUENCIES, STUFF, THINGS
from einet.datasets.conversion.shapes_scene import (
    VOID,
    Item,
    Scene,
    draw_scene,
    fill,
    look_alike,
    random_item,
)


@pytest.fixture(scope='module')
def scenes() -> list[Scene]:
    return [draw_scene(np.random.default_rng(i), size=128) for i in range(60)]


def test_number_of_instances(scenes):
    counts = []
    for scene in scenes:
        things = [kind in THINGS and not crowd for kind, crowd in scene.segments]
        counts.append(sum(things))
    assert min(counts) >= 1
    assert max(counts) <= 30
    assert max(counts) > 20 and min(counts) < 4


def test_every_thing_stays_in_view(scenes):
    for scene in scenes:
        areas = np.bincount(scene.segment_map.ravel() + 1, minlength=len(scene.segments) + 1)[1:]
        for (kind, crowd), area in zip(scene.segments, areas, strict=True):
            if kind in THINGS and not crowd:
                assert area >= 50


def test_all_classes_void_and_crowds_occur(scenes):
    kinds = {kind for scene in scenes for kind, _ in scene.segments}
    assert kinds == {*THINGS, *STUFF}
    assert any(crowd for scene in scenes for _, crowd in scene.segments)
    assert any((scene.segment_map == VOID).any() for scene in scenes)


def test_look_alikes_touch(scenes):
    """In many scenes two things of one class are neighbors."""
    touching = 0
    for scene in scenes:
        left, right = scene.segment_map[:, :-1], scene.segment_map[:, 1:]
        pairs = {(a, b) for a, b in zip(left.ravel(), right.ravel(), strict=True) if a != b}
        touching += any(
            min(pair) >= 0
            and scene.segments[pair[0]] == scene.segments[pair[1]]
            and scene.segments[pair[0]][0] in THINGS
            for pair in pairs
        )
    assert touching > len(scenes) / 2


def test_look_alike_is_beside_and_equal():
    rng = np.random.default_rng(3)
    center = np.array([60.0, 64.0])
    square = Item('square', center, 10.0, 0.4, np.float32([200, 0, 200]))
    twin = look_alike(rng, square, size=128)
    assert (twin.kind, twin.radius, twin.angle) == ('square', 10.0, 0.4)
    assert np.linalg.norm(twin.center - center) == pytest.approx(17.7)
    first, second = (fill(item, 128) for item in (square, twin))
    overlap = np.count_nonzero(first & second) / first.sum()
    assert overlap < 0.15
    grown = cv2.dilate(first.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert (grown & second).any()


def test_colored_things_are_common_or_rare():
    scenes = [draw_scene(np.random.default_rng(i), 128, colored=True) for i in range(80)]
    kinds = [kind for scene in scenes for kind, _ in scene.segments if kind not in STUFF]
    assert set(kinds) == set(COLORED_THINGS)
    assert len(COLORED_THINGS) == 16
    # Look-alikes come in pairs, so that the counts vary by more than single draws would.
    shares = np.array([kinds.count(kind) for kind in COLORED_THINGS]) / len(kinds)
    np.testing.assert_allclose(shares, FREQUENCIES, atol=0.05)
    assert shares[COLORED_THINGS.index('blue triangle')] > 0.2


@pytest.mark.parametrize('kind', ['red disc', 'yellow square', 'green triangle', 'blue star'])
def test_a_colored_thing_has_its_shape_and_color(kind):
    center, color = np.array([60.0, 64.0]), np.float32([1, 2, 3])
    item = Item(kind, center, 10.0, 0.4, color)
    assert item.shape == kind.split()[1]
    plain = Item(item.shape, center, 10.0, 0.4, color)
    assert np.array_equal(fill(item, 128), fill(plain, 128))
    hues = []
    for seed in range(400):
        found = random_item(np.random.default_rng(seed), 128, 5, colored=True)
        if found.kind == kind:
            hsv = cv2.cvtColor(np.uint8([[found.color]]), cv2.COLOR_RGB2HSV)
            hues.append(int(hsv[0, 0, 0]))
    expected = dict(red=3, yellow=35, green=80, blue=125)[kind.split()[0]]
    assert len(hues) > 0
    # Hue goes around: -2 is 178.
    assert all(abs((hue - expected + 90) % 180 - 90) <= 6 for hue in hues)
