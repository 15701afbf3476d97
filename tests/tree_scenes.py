"""Scenes for :mod:`tests.trees`: what a small street image shows, whatever the data set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scene:
    """What an image shows; stuff in horizontal bands, things before it.

    Attributes:
        stuff: (H, W) int, 0-based number of a stuff class; -1 is void.
        things: (H, W) int, 0-based number of a thing class; -1 where there is none.
        instances: (H, W) int, number of the thing among those of its class, from 0; -1 on a group
            of things of the class, which counts as crowd.
    """

    stuff: np.ndarray
    things: np.ndarray
    instances: np.ndarray


def make_scene(
    rng: np.random.Generator, size: tuple[int, int], num_things: int, num_stuff: int
) -> Scene:
    """A scene for `num_things` thing and `num_stuff` stuff classes.

    Two things of class 0 touch; one more thing of any class stands free; of the last class there
    are a group region and one thing of a single pixel. The lower left corner is void.
    """
    height, width = size
    bands = np.sort(rng.choice(np.arange(1, height), 2, replace=False))
    stuff = np.digitize(np.arange(height), bands)[:, None].repeat(width, 1)
    stuff = rng.permutation(num_stuff)[:3][stuff]
    things, instances = np.full((2, *size), -1)
    last = num_things - 1

    def paint(y: int, x: int, h: int, w: int, label: int, number: int) -> None:
        things[y : y + h, x : x + w] = label
        instances[y : y + h, x : x + w] = number

    h, w = height // 4, width // 8
    y, x = int(rng.integers(1, height // 2)), int(rng.integers(1, width // 8))
    paint(y, x, h, w, 0, 0)
    paint(y, x + w, h, w, 0, 1)
    paint(int(rng.integers(1, height // 2)), width // 2, h, w, int(rng.integers(0, last)), 2)
    paint(height // 8, 3 * width // 4, height // 8, width // 8, last, -1)
    paint(height - 2, width - 2, 1, 1, last, 0)
    stuff[-height // 8 :, : width // 8] = -1
    return Scene(stuff, things, instances)


def paint_image(rng: np.random.Generator, scene: Scene) -> np.ndarray:
    """(H, W, 3) uint8 image: one color per segment, and noise."""
    code = scene.stuff + 64 * (scene.things + 1) + 8192 * (scene.instances + 2)
    _, number = np.unique(code, return_inverse=True)
    colors = np.random.default_rng(0).integers(30, 220, (number.max() + 1, 3))
    image = colors[number.reshape(code.shape)] + rng.normal(0, 8, (*code.shape, 3))
    return np.clip(image, 0, 255).astype(np.uint8)
