"""The classes of synthetic shapes: their names, their hues in images, and how frequent they are.

Hues are OpenCV's half degrees.
"""

from typing import Any

import cv2
import numpy as np

THINGS = ('disc', 'square', 'triangle', 'star')
STUFF = ('sky', 'grass', 'water')
# Each makes a class of its own of every shape.
COLORS = {'red': 3, 'yellow': 35, 'green': 80, 'blue': 125}
COLORED_THINGS = tuple(f'{color} {shape}' for shape in THINGS for color in COLORS)
# The middle of a class's hues, of which there are enough that two discs may differ and two
# look-alikes may not.
HUES = {
    'disc': 3,
    'square': 150,
    'triangle': 25,
    'star': 125,
    **{f'{color} {shape}': hue for shape in THINGS for color, hue in COLORS.items()},
}
# The colored classes' places by frequency, which falls as 1 / place: one is common, many are rare.
_PLACES = np.array([8, 4, 12, 2, 16, 10, 11, 3, 5, 13, 7, 1, 14, 6, 15, 9])
FREQUENCIES = (1 / _PLACES) / (1 / _PLACES).sum()

_PALETTE = {
    'disc': [220, 60, 50],
    'square': [210, 70, 220],
    'triangle': [240, 200, 40],
    'star': [90, 80, 240],
    'sky': [150, 190, 235],
    'grass': [80, 150, 60],
    'water': [30, 95, 130],
}


def categories(colored: bool = False) -> list[dict[str, Any]]:
    """The classes of a set as COCO's JSON lists them; as there, ids have gaps and are not labels.

    Args:
        colored: Whether every shape in every color is a class.
    """
    things = COLORED_THINGS if colored else THINGS
    return [
        dict(
            id=i, name=name, isthing=int(group == 'thing'), color=_color(name), supercategory=group
        )
        for group, first, names in (('thing', 1, things), ('stuff', 21, STUFF))
        for i, name in enumerate(names, start=first)
    ]


def _color(name: str) -> list[int]:
    """A class's RGB in drawings: of a colored thing its hue, a shade for each shape."""
    if name in _PALETTE:
        return _PALETTE[name]
    value = 250 - 45 * THINGS.index(name.split()[-1])
    hsv = np.uint8([[[HUES[name], 200, value]]])
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0].tolist()
