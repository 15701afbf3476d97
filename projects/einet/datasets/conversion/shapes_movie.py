"""Synthetic scenes whose things move: videos with ground truth that says which object is which."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .shapes_scene import Scene, draw_stuff, fill, paint, photograph, random_item


def draw_movie(
    rng: np.random.Generator, size: int, count: int, frames: int, speed: float = 0.015
) -> Iterator[Scene]:
    """Things that move and turn at a steady rate, pass each other, and bounce off the border.

    Args:
        rng: Only source of randomness.
        size: Side of the frames in pixels, at least 32.
        count: Number of things.
        frames: Number of frames.
        speed: Mean way of a thing from frame to frame, as a share of ``size``.

    Yields:
        Scenes. A segment is the same object in all of them, and may be hidden in some; its index
        does not change.
    """
    background = draw_stuff(rng, size)
    items = [random_item(rng, size, count) for _ in range(count)]
    heading = rng.uniform(0, 2 * np.pi, count)
    ways = (
        size * speed * rng.uniform(0.5, 1.5, count) * np.stack([np.cos(heading), np.sin(heading)])
    )
    spins = rng.normal(0, 0.05, count)
    light = rng.uniform(0.9, 1.05)
    for _ in range(frames):
        scene = Scene(
            background.image.copy(), background.segment_map.copy(), list(background.segments)
        )
        for i, item in enumerate(items):
            mask = fill(item, size)
            paint(scene.image, item, mask)
            scene.add(mask, item.kind)
            item.angle += spins[i]
            outside = (item.center + ways[:, i] < 0) | (item.center + ways[:, i] > size)
            ways[outside, i] *= -1
            item.center = item.center + ways[:, i]
        scene.image = photograph(scene.image, light, rng)
        yield scene
