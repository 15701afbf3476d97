"""A color for every segment of a panoptic map.

A panoptic id is ``label + 1000 * instance``; the instance is 0 for stuff; void is label C. Colors
are RGB, uint8, 0..255.

Shape shorthand:
    H, W: map
    C: classes
    n: segments present
"""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from mmdet.visualization.palette import get_palette

from ..structures.limits import INSTANCE_OFFSET

# Consecutive multiples of the golden ratio are the sequence of hues that stays most evenly spread.
_GOLDEN_RATIO = 0.618033988749895
# Saturation and value take turns, so that two hues that come close still differ.
_TONES = ((0.80, 1.00), (0.50, 1.00), (0.95, 0.85))
# CIE lightness of instance colors: blues would vanish on a dark image, yellows on a bright one.
_LIGHTNESS = (55, 85)
# Neighbors at least this far apart in CIE Lab cannot be mistaken for one another.
_CLEAR_DISTANCE = 60.0
_CANDIDATES = 24
_MATCH_IOU = 0.5


@dataclass(frozen=True)
class SegmentColors:
    """The segments of one panoptic map with a color each, void left out.

    Attributes:
        ids: (n,) int64 panoptic ids, ascending.
        areas: (n,) int64 pixels.
        colors: (n, 3) uint8 RGB.
    """

    ids: np.ndarray
    areas: np.ndarray
    colors: np.ndarray

    def paint(self, panoptic_seg: np.ndarray, void_color: Sequence[int] = (0, 0, 0)) -> np.ndarray:
        """Color the map by a look-up table.

        Args:
            panoptic_seg: (H, W) int panoptic ids.
            void_color: RGB color of pixels whose id is not in ``ids``.

        Returns:
            (H, W, 3) uint8 RGB.
        """
        size = 1 + max(int(panoptic_seg.max(initial=0)), int(self.ids.max(initial=0)))
        table = np.empty((size, 3), np.uint8)
        table[:] = void_color
        table[self.ids] = self.colors
        return table[panoptic_seg]


def segment_colors(
    panoptic_seg: np.ndarray,
    num_classes: int,
    palette: Sequence[Sequence[int]] | str | None = None,
    reference: tuple[np.ndarray, SegmentColors] | None = None,
) -> SegmentColors:
    """Give stuff its palette color, and every instance one that stands off its neighbors.

    Args:
        panoptic_seg: (H, W) int panoptic ids.
        num_classes: C, also void's label.
        palette: C RGB triples, or what mmdet's ``get_palette`` takes (``None`` is a fixed random
            one).
        reference: Another map of the same image and size with its colors. An instance that
            overlaps an instance of that map with IoU above 0.5 and the same label takes its color,
            and no other does, which makes two drawings comparable.

    Returns:
        One color for each segment but void.
    """
    ids, areas, colors = _class_colors(panoptic_seg, num_classes, palette)
    is_instance = ids >= INSTANCE_OFFSET
    done = ~is_instance
    if reference is not None:
        for own, other in _matched_instances(panoptic_seg, ids, *reference):
            colors[own], done[own] = reference[1].colors[other], True
    taken = set()
    if reference is not None:
        # A color of the reference says that the instance was found, so no other may have it.
        others = reference[1].colors[reference[1].ids >= INSTANCE_OFFSET]
        taken = {tuple(color) for color in others.tolist()}
    _color_instances(colors, done, areas, _neighbors(panoptic_seg, ids), taken)
    return SegmentColors(ids, areas, colors)


def track_colors(
    panoptic_seg: np.ndarray,
    num_classes: int,
    numbers: Mapping[int, int],
    palette: Sequence[Sequence[int]] | str | None = None,
) -> SegmentColors:
    """Give stuff its palette color, and every instance that of its number, in whatever frame.

    Args:
        panoptic_seg: (H, W) int panoptic ids.
        num_classes: C, also void's label.
        numbers: Number of each instance by its panoptic id, from 1.
        palette: As for :func:`segment_colors`.

    Returns:
        One color for each segment but void.
    """
    ids, areas, colors = _class_colors(panoptic_seg, num_classes, palette)
    numbered = np.flatnonzero([i in numbers for i in ids.tolist()])
    if len(numbered):
        chosen = [numbers[i] - 1 for i in ids[numbered].tolist()]
        colors[numbered] = golden_colors(max(chosen) + 1)[chosen]
    return SegmentColors(ids, areas, colors)


def golden_colors(count: int) -> np.ndarray:
    """A sequence of vivid colors whose hues are spread by the golden ratio.

    Args:
        count: Number of colors.

    Returns:
        (count, 3) uint8 RGB.
    """
    hsv = [((0.08 + i * _GOLDEN_RATIO) % 1.0, *_TONES[i % len(_TONES)]) for i in range(count)]
    rgb = np.array([colorsys.hsv_to_rgb(*triple) for triple in hsv], np.float32).reshape(1, -1, 3)
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2Lab)
    lab[..., 0] = lab[..., 0].clip(*_LIGHTNESS)
    return np.round(255 * cv2.cvtColor(lab, cv2.COLOR_Lab2RGB)[0].clip(0, 1)).astype(np.uint8)


def _class_colors(
    panoptic_seg: np.ndarray, num_classes: int, palette: Sequence[Sequence[int]] | str | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids (n,), areas (n,) and classes' colors (n, 3) of the segments but void."""
    counts = np.bincount(panoptic_seg.ravel())
    ids = np.flatnonzero(counts)
    ids = ids[ids % INSTANCE_OFFSET < num_classes]
    class_colors = np.asarray(get_palette(palette, num_classes), np.uint8).reshape(-1, 3)
    return ids, counts[ids], class_colors[ids % INSTANCE_OFFSET]


def _fresh_colors(count: int, taken: set[tuple[int, ...]]) -> np.ndarray:
    """At least ``count`` colors outside ``taken``; they repeat only beyond a few thousand."""
    many = golden_colors(2 * (count + len(taken) + _CANDIDATES)).tolist()
    fresh = [color for color in dict.fromkeys(map(tuple, many)) if color not in taken]
    return np.resize(np.array(fresh, np.uint8), (max(count, len(fresh)), 3))


def _color_instances(
    colors: np.ndarray,
    done: np.ndarray,
    areas: np.ndarray,
    neighbors: list[np.ndarray],
    taken: set[tuple[int, ...]],
) -> None:
    """Fill ``colors`` where not ``done``, largest first, away from the neighbors' colors."""
    todo = np.flatnonzero(~done)
    todo = todo[np.argsort(-areas[todo], kind='stable')]
    pool = _fresh_colors(len(todo), taken)
    pool_lab, lab = _to_lab(pool), _to_lab(colors)
    free = np.ones(len(pool), bool)
    for segment in todo:
        candidates = np.flatnonzero(free)[:_CANDIDATES]
        near = neighbors[segment][done[neighbors[segment]]]
        choice = candidates[0]
        if len(near):
            distance = np.linalg.norm(pool_lab[candidates, None] - lab[None, near], axis=-1)
            # argmax takes the first of several clear ones: hues stay spread over the image.
            choice = candidates[distance.min(axis=1).clip(max=_CLEAR_DISTANCE).argmax()]
        colors[segment], lab[segment] = pool[choice], pool_lab[choice]
        free[choice], done[segment] = False, True


def _neighbors(panoptic_seg: np.ndarray, ids: np.ndarray) -> list[np.ndarray]:
    """For each segment the indices of those within three pixels of it (diagonals included)."""
    table = np.full(int(panoptic_seg.max(initial=0)) + 1, -1, np.int64)
    table[ids] = np.arange(len(ids))
    index = table[panoptic_seg]
    pairs = []
    for reach in (1, 3):
        for first, second in (
            (index[:, :-reach], index[:, reach:]),
            (index[:-reach], index[reach:]),
            (index[:-reach, :-reach], index[reach:, reach:]),
            (index[:-reach, reach:], index[reach:, :-reach]),
        ):
            touch = (first != second) & (first >= 0) & (second >= 0)
            pairs.append(np.stack([first[touch], second[touch]], axis=1))
    pairs = np.unique(np.concatenate(pairs), axis=0)
    pairs = np.unique(np.concatenate([pairs, pairs[:, ::-1]]), axis=0)
    return (
        np.split(pairs[:, 1], np.searchsorted(pairs[:, 0], np.arange(1, len(ids))))
        if len(ids)
        else []
    )


def _matched_instances(
    panoptic_seg: np.ndarray, ids: np.ndarray, reference_seg: np.ndarray, reference: SegmentColors
) -> list[tuple[int, int]]:
    """Index pairs (own, reference) of instances of one label that overlap with IoU above 0.5."""
    own, other = (
        np.full(int(seg.max(initial=0)) + 1, -1, np.int64) for seg in (panoptic_seg, reference_seg)
    )
    own[ids], other[reference.ids] = np.arange(len(ids)), np.arange(len(reference.ids))
    shape = (len(ids) + 1, len(reference.ids) + 1)
    cells = (own[panoptic_seg] + 1) * shape[1] + other[reference_seg] + 1
    overlap = np.bincount(cells.ravel(), minlength=shape[0] * shape[1]).reshape(shape)
    union = overlap.sum(1, keepdims=True) + overlap.sum(0, keepdims=True) - overlap
    matched = (overlap > _MATCH_IOU * union)[1:, 1:]
    same_label = ids[:, None] % INSTANCE_OFFSET == reference.ids[None] % INSTANCE_OFFSET
    instances = (ids[:, None] >= INSTANCE_OFFSET) & (reference.ids[None] >= INSTANCE_OFFSET)
    return list(zip(*np.nonzero(matched & same_label & instances), strict=True))


def _to_lab(rgb: np.ndarray) -> np.ndarray:
    """RGB uint8 (n, 3) to CIE Lab (n, 3), where distances are about what an eye sees."""
    return (
        cv2.cvtColor((rgb[None] / 255).astype(np.float32), cv2.COLOR_RGB2Lab)[0]
        if len(rgb)
        else rgb.astype(np.float32)
    )
