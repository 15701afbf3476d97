"""Draw the demo's image: nuclei as a fluorescence microscope shows them, though none was there.

    python demo/draw_nuclei.py

Writes nuclei.png beside this file. Outlines, brightness, blur and noise imitate the images that
`einet_r18_nuclei` was trained on; no pixel is taken from them.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

OUT = Path(__file__).with_name('nuclei.png')
HEIGHT, WIDTH = 256, 320
COUNT = 60
SEED = 1
# Points are drawn on a grid that is finer by this factor, so that outlines are smooth.
FINE = 4


def draw_nuclei() -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Draw the image and, from the same outlines, which nucleus each pixel is of.

    Returns:
        (HEIGHT, WIDTH) gray image; (HEIGHT, WIDTH) numbers of nuclei from 1, 0 for background.
    """
    rng = np.random.default_rng(SEED)
    numbers = np.zeros((HEIGHT, WIDTH), np.int32)
    light = np.zeros((HEIGHT, WIDTH))
    occupied = np.zeros((HEIGHT, WIDTH), bool)
    while numbers.max() < COUNT:
        coverage = _nucleus(rng)
        inside = coverage >= 0.5
        # Neighbors may touch. Whole nuclei do not overlap: which is in front could not be seen.
        if (inside & occupied).any():
            continue
        occupied |= inside
        numbers[inside] = numbers.max() + 1
        light += coverage * rng.uniform(60, 130) * _texture(rng)
    y = np.linspace(0.9, 1.1, HEIGHT)[:, None]
    seen = cv2.GaussianBlur(light * y, (0, 0), 1.0) + 12
    # Shot noise grows with the light, the camera's does not.
    noisy = seen + rng.normal(0, 1, seen.shape) * np.sqrt(0.25 * seen + 1)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8), numbers


def _nucleus(rng: np.random.Generator) -> NDArray[np.float64]:
    """Share of each pixel that a random nucleus covers: an ellipse with an uneven outline."""
    center = rng.uniform((0, 0), (WIDTH, HEIGHT))
    long, short = rng.uniform(8, 12), rng.uniform(6, 8.5)
    turn = rng.uniform(0, np.pi)
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    bumps = sum(rng.normal(0, 0.025) * np.cos(k * angle + rng.uniform(0, 6)) for k in (2, 3, 4))
    x, y = long * (1 + bumps) * np.cos(angle), short * (1 + bumps) * np.sin(angle)
    turned = np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], 1)
    fine = np.zeros((HEIGHT * FINE, WIDTH * FINE), np.uint8)
    cv2.fillPoly(fine, [np.rint((center + turned) * FINE).astype(np.int32)], 255)
    return cv2.resize(fine, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA) / 255


def _texture(rng: np.random.Generator) -> NDArray[np.float64]:
    """Chromatin: smooth random light around 1."""
    noise = cv2.GaussianBlur(rng.normal(0, 1, (HEIGHT, WIDTH)), (0, 0), 2.0)
    return np.clip(1 + 0.12 * noise / noise.std(), 0.5, 1.5)


if __name__ == '__main__':
    cv2.imwrite(str(OUT), draw_nuclei()[0])
    print(OUT)
