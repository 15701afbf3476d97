"""Draws one synthetic panoptic scene: textured stuff, then things from back to front.

Shape shorthand:
    H, W: image, both `size` pixels
    N: corners of a polygon

Colors are RGB in 0..255, points are (x, y). Every random choice comes from the generator that is
passed in: scenes are reproducible bit by bit.
"""

import math
from dataclasses import dataclass, field

import cv2
import numpy as np

from .shapes_classes import COLORED_THINGS, FREQUENCIES, HUES, THINGS

VOID = -1

# Circumscribed radius relative to the disc's, so that all classes are about equally large.
RADIUS_RATIO = {'disc': 1.0, 'square': 1.25, 'triangle': 1.4, 'star': 1.45}
# Least part of an object that must stay in view when others are put in front of it.
MIN_VISIBLE = 0.55


@dataclass
class Item:
    """One thing before it is drawn: class name, center (x, y), radius, angle and color (RGB)."""

    kind: str
    center: np.ndarray
    radius: float
    angle: float
    color: np.ndarray

    @property
    def shape(self) -> str:
        """One of `THINGS`: the class, or the class without its color."""
        return self.kind.split()[-1]


@dataclass
class Scene:
    """An image and its panoptic ground truth.

    Attributes:
        image: (H, W, 3) uint8, RGB.
        segment_map: (H, W) int32, index into `segments`; -1 is void.
        segments: One (class name, is crowd) per index; a segment may have lost all its pixels.
    """

    image: np.ndarray
    segment_map: np.ndarray
    segments: list[tuple[str, bool]] = field(default_factory=list)

    def add(self, mask: np.ndarray, kind: str, crowd: bool = False) -> None:
        """Put a segment in front of what is there."""
        self.segment_map[mask] = len(self.segments)
        self.segments.append((kind, crowd))


def smooth_noise(rng: np.random.Generator, size: int, cells: int) -> np.ndarray:
    """(H, W) float32 noise in about -1..1 whose blobs are `size / cells` pixels wide."""
    coarse = rng.uniform(-1, 1, (cells, cells)).astype(np.float32)
    return cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)


def wavy_line(rng: np.random.Generator, size: int, level: float, height: float) -> np.ndarray:
    """(W,) float: an irregular line around `level`, about `height` up and down (pixels)."""
    x = np.arange(size) / size
    waves = [
        rng.uniform(0.3, 1.0) / k * np.sin(2 * np.pi * (k * x + rng.uniform()))
        for k in (1, 2, 3, 5)
    ]
    return level + height * np.sum(waves, axis=0)


def stuff_texture(rng: np.random.Generator, kind: str, size: int) -> np.ndarray:
    """(H, W, 3) float32 image filled with one stuff class."""
    y, x = np.mgrid[:size, :size].astype(np.float32) / size
    if kind == 'sky':
        value = 60 * (y - 0.3) + 18 * smooth_noise(rng, size, 5)
        base = (150, 190, 235)
    elif kind == 'grass':
        blades = rng.normal(0, 45, (size, size)).astype(np.float32)
        value = cv2.blur(blades, (1, 3)) + 10 * smooth_noise(rng, size, 6)
        base = (80, 150, 60)
    else:
        drift = 0.15 * smooth_noise(rng, size, 4)
        value = 22 * np.sin(2 * np.pi * (size / 9 * (y + 0.2 * drift) + drift + 0.3 * x))
        base = (30, 95, 130)
    light = rng.uniform(0.9, 1.1)
    return light * np.float32(base) + value[..., None]


def draw_stuff(rng: np.random.Generator, size: int) -> Scene:
    """Sky over land with a wavy horizon, and mostly some water in the land; sometimes void."""
    scene = Scene(np.zeros((size, size, 3), np.float32), np.full((size, size), VOID, np.int32))
    y, x = np.mgrid[:size, :size]
    horizon = wavy_line(rng, size, size * rng.uniform(0.15, 0.55), size * 0.04)
    shore = wavy_line(rng, size, size * rng.uniform(0.3, 0.8), size * 0.08)
    sky = y < horizon[None]
    style = rng.uniform()
    if style < 0.35:  # a lake in front
        water = ~sky & (y > shore[None])
    elif style < 0.8:  # a river or sea on one side
        water = ~sky & (x > shore[:, None] if rng.uniform() < 0.5 else x < shore[:, None])
    else:
        water = np.zeros_like(sky)
    for kind, mask in (('sky', sky), ('grass', ~sky & ~water), ('water', water)):
        if mask.any():
            scene.image[mask] = stuff_texture(rng, kind, size)[mask]
            scene.add(mask, kind)
    if rng.uniform() < 0.25:  # a rock that nobody labeled
        rock = np.zeros((size, size), np.uint8)
        center = rng.uniform(0.1, 0.9, 2) * size
        axes = rng.uniform(0.05, 0.12, 2) * size
        cv2.ellipse(rock, (center, 2 * axes, rng.uniform(0, 180)), 1, -1)
        scene.image[rock > 0] = 90 + rng.normal(0, 12, (int(rock.sum()), 1))
        scene.segment_map[rock > 0] = VOID
    return scene


def outline(item: Item) -> np.ndarray:
    """(N, 2) float polygon of a thing, pixels."""
    corners = {'disc': 48, 'square': 4, 'triangle': 3, 'star': 10}[item.shape]
    radius = np.full(corners, item.radius * RADIUS_RATIO[item.shape])
    if item.shape == 'star':
        radius[1::2] *= 0.5
    angle = item.angle + 2 * np.pi * np.arange(corners) / corners
    return item.center + radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def fill(item: Item, size: int) -> np.ndarray:
    """(H, W) bool mask of a thing."""
    mask = np.zeros((size, size), np.uint8)
    points = np.round(outline(item) * 16).astype(np.int32)
    cv2.fillPoly(mask, [points], 1, shift=4)
    return mask > 0


def paint(image: np.ndarray, item: Item, mask: np.ndarray) -> None:
    """Color a thing's pixels in `image` with its class's texture and a dark rim."""
    y, x = np.nonzero(mask)
    offset = (np.stack([x, y], axis=1) - item.center) / item.radius
    cos, sin = np.cos(item.angle), np.sin(item.angle)
    u, v = offset @ (cos, sin), offset @ (-sin, cos)
    if item.shape == 'disc':
        shade = 1.15 - 0.35 * np.hypot(u, v)
    elif item.shape == 'square':
        shade = np.where(np.floor((u + v) * 2.5) % 2 == 0, 1.1, 0.75)
    elif item.shape == 'triangle':
        shade = np.where((np.floor(u * 3) + np.floor(v * 3)) % 2 == 0, 1.1, 0.8)
    else:
        shade = np.ones_like(u)
    rim = mask & ~cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    shade = np.where(rim[y, x], 0.35, shade)
    image[y, x] = shade[:, None] * item.color


def random_item(rng: np.random.Generator, size: int, count: int, colored: bool = False) -> Item:
    """A thing anywhere in the image; the more there are, the smaller they are."""
    kind = str(rng.choice(COLORED_THINGS, p=FREQUENCIES) if colored else rng.choice(THINGS))
    largest = 0.15 - 0.065 * min(1.0, count / 30)
    hsv = (HUES[kind] + rng.uniform(-5, 5), rng.uniform(170, 240), rng.uniform(190, 250))
    hsv = np.uint8([[(hsv[0] % 180, hsv[1], hsv[2])]])
    return Item(
        kind=kind,
        center=rng.uniform(0.06, 0.94, 2) * size,
        radius=size * rng.uniform(0.055, largest),
        angle=rng.uniform(0, 2 * np.pi),
        color=cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0].astype(np.float32),
    )


def look_alike(rng: np.random.Generator, item: Item, size: int) -> Item:
    """The same thing once more, side by side with the first and touching it."""
    distance = {'disc': 2.0, 'square': 1.77, 'triangle': 1.6, 'star': 1.9}[item.shape]
    # A square's neighbor stands at its flat side, half a right angle from its first corner.
    turns = rng.integers(4) + 0.5 if item.shape == 'square' else rng.uniform(0, 4)
    angle = item.angle + turns * np.pi / 2
    step = distance * item.radius * np.array([np.cos(angle), np.sin(angle)])
    center = np.clip(item.center + step, 0.04 * size, 0.96 * size)
    return Item(item.kind, center, item.radius, item.angle, item.color)


def draw_crowd(rng: np.random.Generator, scene: Scene, size: int, colored: bool) -> None:
    """A heap of small things of one class, annotated as one crowd region."""
    first = random_item(rng, size, 30, colored)
    union = np.zeros((size, size), bool)
    for _ in range(int(rng.integers(10, 18))):
        center = first.center + rng.normal(0, 0.055, 2) * size
        angle = rng.uniform(0, 2 * np.pi)
        item = Item(first.kind, center, 0.03 * size, angle, first.color * rng.uniform(0.8, 1.0))
        mask = fill(item, size)
        paint(scene.image, item, mask)
        union |= mask
    scene.add(union, first.kind, crowd=True)


def draw_things(
    rng: np.random.Generator, scene: Scene, size: int, count: int, colored: bool
) -> None:
    """Up to `count` things (at least one), each at least `MIN_VISIBLE` in view at the end."""
    first = len(scene.segments)
    areas, visible = np.zeros((2, 0), int)
    previous = None
    for _ in range(4 * count + 20):  # crowded scenes have no room for all: give up after some tries
        twin = previous is not None and rng.uniform() < 0.4
        item = look_alike(rng, previous, size) if twin else random_item(rng, size, count, colored)
        mask = fill(item, size)
        behind = scene.segment_map[mask]
        hidden = np.bincount(behind[behind >= first] - first, minlength=len(areas))
        hides = np.any(visible - hidden < MIN_VISIBLE * areas)
        cut_off = len(behind) < 0.5 * 2.5 * item.radius**2  # by the image's border
        if hides or cut_off:
            previous = None
            continue
        paint(scene.image, item, mask)
        scene.add(mask, item.kind)
        areas = np.append(areas, len(behind))
        visible = np.append(visible - hidden, len(behind))
        previous = item
        if len(areas) == count:
            return


def photograph(image: np.ndarray, light: float, rng: np.random.Generator) -> np.ndarray:
    """(H, W, 3) uint8: what a camera makes of a drawn image, a little blurred and noisy."""
    image = cv2.GaussianBlur(image, (0, 0), 0.6) * light
    image += rng.normal(0, 4, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8)


def draw_scene(
    rng: np.random.Generator, size: int, max_instances: int = 30, colored: bool = False
) -> Scene:
    """One scene of 1 to `max_instances` things over two or three stuff classes.

    Args:
        rng: Only source of randomness.
        size: Side of the image in pixels, at least 32.
        max_instances: Most things drawn one by one (members of a crowd region do not count).
        colored: Whether things are of `COLORED_THINGS`, in place of `THINGS`.

    Returns:
        The scene; its image is uint8.
    """
    scene = draw_stuff(rng, size)
    if rng.uniform() < 0.15:
        draw_crowd(rng, scene, size, colored)
    # Skewed towards few, so that sparse and crowded scenes are about equally common.
    count = math.ceil(max_instances * rng.uniform() ** 1.4)
    draw_things(rng, scene, size, count, colored)
    scene.image = photograph(scene.image, rng.uniform(0.9, 1.05), rng)
    return scene
