import numpy as np

from einet.datasets.conversion.shapes_movie import draw_movie


def movie(seed=3, frames=12, **options):
    return list(draw_movie(np.random.default_rng(seed), 64, 4, frames, **options))


def centers(scene):
    """Center (x, y) of each thing in view, by index."""
    things = range(len(scene.segments) - 4, len(scene.segments))
    places = {i: np.nonzero(scene.segment_map == i) for i in things}
    return {i: np.array([x.mean(), y.mean()]) for i, (y, x) in places.items() if len(x)}


def test_an_object_keeps_its_index_and_class_and_moves_a_little():
    frames = movie()
    assert {tuple(scene.segments) for scene in frames} == {tuple(frames[0].segments)}
    steps = []
    for before, after in zip(frames, frames[1:], strict=False):
        first, second = centers(before), centers(after)
        steps += [np.linalg.norm(second[i] - first[i]) for i in first.keys() & second.keys()]
    # 0.5 to 1.5 times 0.015 of 64 pixels, more where one object uncovers another.
    assert 0.3 < np.median(steps) < 2


def test_nothing_moves_at_speed_0_but_things_turn():
    first, *_, last = movie(speed=0.0)
    assert centers(first).keys() == centers(last).keys()
    for i, center in centers(first).items():
        assert np.abs(centers(last)[i] - center).max() < 3
    assert (first.segment_map != last.segment_map).any()


def test_things_stay_near_the_frame():
    for center in centers(movie(frames=200, speed=0.1)[-1]).values():
        assert (center >= 0).all() and (center <= 64).all()


def test_the_same_seed_gives_the_same_movie():
    for one, other in zip(movie(), movie(), strict=True):
        assert (one.image == other.image).all()
        assert (one.segment_map == other.segment_map).all()
    assert (movie()[0].image != movie(seed=4)[0].image).any()
