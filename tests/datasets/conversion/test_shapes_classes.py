import numpy as np
import pytest

from einet.datasets.conversion.shapes_classes import (
    COLORED_THINGS,
    FREQUENCIES,
    STUFF,
    THINGS,
    categories,
)


@pytest.mark.parametrize(('colored', 'things'), [(False, THINGS), (True, COLORED_THINGS)])
def test_categories_are_told_apart(colored, things):
    listed = categories(colored)
    assert [c['name'] for c in listed] == [*things, *STUFF]
    assert [c['isthing'] for c in listed] == [1] * len(things) + [0] * 3
    assert len({c['id'] for c in listed}) == len({tuple(c['color']) for c in listed}) == len(listed)
    # There is a gap before stuff, as ids have in COCO's files.
    assert [c['id'] for c in listed[-3:]] == [21, 22, 23]


def test_the_rarest_of_sixteen_is_a_sixteenth_of_the_commonest():
    assert FREQUENCIES.sum() == pytest.approx(1)
    assert FREQUENCIES.max() / FREQUENCIES.min() == pytest.approx(16)
    assert COLORED_THINGS[int(np.argmax(FREQUENCIES))] == 'blue triangle'
    assert COLORED_THINGS[int(np.argmin(FREQUENCIES))] == 'red square'
