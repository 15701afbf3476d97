"""The images that a report shows of one image, one per layer, and what hovering them says.

Images are RGB uint8.

Shape shorthand:
    H, W: image
    C: classes
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..evaluation.sample import EvaluatedSample
from ..structures.limits import INSTANCE_OFFSET
from ..structures.segment_pixels import measure_segments
from ..structures.segments import NONE
from ..visualization import (
    NetworkView,
    SegmentColors,
    draw_panoptic,
    embedding_colors,
    heatmap_overlay,
    panel_size,
    resize_pair,
    segment_colors,
)
from ..visualization.labels import borders
from ..visualization.panoptic import resize_map
from .errors import ERRORS, Fate
from .examine import ImageResult

#: Okabe and Ito's colors, which most color-blind people can tell apart.
FATE_COLORS = {
    Fate.MISSED: (213, 94, 0),
    Fate.INVENTED: (204, 121, 167),
    Fate.WRONG: (240, 228, 66),
    Fate.LOOSE: (86, 180, 233),
    Fate.FOUND: (0, 158, 115),
    Fate.UNCOUNTED: (0, 0, 0),
}
_OPACITY = {fate: 0.75 for fate in ERRORS} | {Fate.FOUND: 0.15, Fate.UNCOUNTED: 0.6}
_STRIPE = 8
#: Longer side of the map that says what is hovered.
HOVER_SIDE = 320


class TruthMap:
    """The ground truth of an image, drawn once for all predictions that are compared with it.

    Args:
        image: (H, W, 3) uint8 RGB.
        sample: Ground truth.
        dataset_meta: ``classes`` (C names) and, if the data set has one, ``palette``.
        box: Longer side of the drawings.
    """

    def __init__(
        self,
        image: NDArray[np.uint8],
        sample: EvaluatedSample,
        dataset_meta: Mapping[str, Any],
        box: int,
    ) -> None:
        self.classes, self.palette = dataset_meta['classes'], dataset_meta.get('palette')
        segments = sample.gt_segments
        #: (H, W) rows of the segments, NONE where void.
        self.rows = segments.rows_of(sample.gt_map.astype(np.int64))
        is_thing = np.isin(segments.labels, list(sample.classes.thing_labels))
        ids = segments.labels + INSTANCE_OFFSET * is_thing * np.arange(1, len(is_thing) + 1)
        ids = np.where(segments.is_crowd, len(self.classes), ids)
        #: (H, W) panoptic ids, void and crowd = C.
        self.ids = np.append(ids, len(self.classes))[self.rows]
        self.colors = segment_colors(self.ids, len(self.classes), self.palette)
        self.size = panel_size(*image.shape[:2], box)
        self.image = resize_pair(image, self.ids, self.size)[0]

    def draw(self) -> dict[str, NDArray[np.uint8]]:
        """The layers that no prediction changes: ``image`` and ``truth``."""
        return dict(image=self.image, truth=self._draw(self.ids, self.colors))

    def draw_prediction(
        self, pred_map: NDArray[np.integer], result: ImageResult
    ) -> dict[str, NDArray[np.uint8]]:
        """The layers of a prediction: ``prediction`` and ``errors``.

        Args:
            pred_map: (H, W) panoptic ids.
            result: What became of its segments.
        """
        reference = (self.ids, self.colors)
        colors = segment_colors(pred_map, len(self.classes), self.palette, reference)
        return dict(
            prediction=self._draw(pred_map, colors),
            errors=self._draw_errors(pred_rows(pred_map, result), result),
        )

    def draw_maps(
        self, view: NetworkView, pred_map: NDArray[np.integer]
    ) -> dict[str, NDArray[np.uint8]]:
        """The layers of what the network computes inside: ``heatmap`` and ``embedding``.

        Args:
            view: Heatmap, embedding, and the peaks that became instances.
            pred_map: (H, W) panoptic ids.
        """
        things = resize_map(pred_map >= INSTANCE_OFFSET, view.embedding.shape[:0:-1]) > 0
        colors = embedding_colors(view.embedding, things)
        peaks = view.sample.pred_instances.centroids.numpy()
        peaks = (peaks + 0.5) * np.array(self.size) / np.array(self.ids.shape[::-1]) - 0.5
        return dict(
            heatmap=heatmap_overlay(self.image, view.heatmap, peaks),
            embedding=cv2.resize(colors, self.size, interpolation=cv2.INTER_LINEAR),
        )

    def _draw(self, ids: NDArray[np.integer], colors: SegmentColors) -> NDArray[np.uint8]:
        return draw_panoptic(self.image, resize_map(ids, self.size), self.classes, colors)

    def _draw_errors(self, predicted: NDArray[np.int64], result: ImageResult) -> NDArray[np.uint8]:
        """Gray image; each segment in the color of its fate, striped where two have errors."""
        explanation = result.explanation
        gray = cv2.cvtColor(self.image, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
        drawn, shown, errors = [], [], []
        for rows, fates in (
            (resize_map(self.rows, self.size), explanation.gt_fates),
            (resize_map(predicted, self.size), explanation.pred_fates),
        ):
            # Void has row NONE = -1, so it finds the last entry.
            fates = [*fates, Fate.UNCOUNTED]
            colors = np.array([FATE_COLORS[fate] for fate in fates], np.float32)[rows]
            opacity = np.array([_OPACITY[fate] for fate in fates], np.float32)[rows][..., None]
            drawn.append(opacity * colors + (1 - opacity) * gray)
            errors.append(np.isin(fates, ERRORS)[rows])
            shown.append(borders(rows) & errors[-1])
        y, x = np.ogrid[: self.size[1], : self.size[0]]
        take_prediction = errors[1] & (~errors[0] | ((x + y) // _STRIPE % 2 == 0))
        picture = np.where(take_prediction[..., None], drawn[1], drawn[0])
        picture[shown[0] | shown[1]] = 255
        return np.round(picture).astype(np.uint8)


def pred_rows(pred_map: NDArray[np.integer], result: ImageResult) -> NDArray[np.int64]:
    """(H, W) rows of the predicted segments, NONE where void."""
    matches = result.matches
    rows = np.searchsorted(matches.pred_ids, pred_map)
    return np.where(matches.pred_labels == NONE, NONE, np.arange(len(matches.pred_ids)))[rows]


def hover_map(rows: NDArray[np.int64], predicted: NDArray[np.int64]) -> dict[str, Any]:
    """Which segments a place shows, small enough to be sent as text.

    Args:
        rows: (H, W) of the ground truth, NONE where void.
        predicted: (H, W) of the prediction, NONE where void.

    Returns:
        ``size`` (width, height), and ``runs``: length, row, predicted row, length, ...
    """
    size = panel_size(*rows.shape, min(HOVER_SIDE, max(rows.shape)))
    both = np.stack([resize_map(m, size).ravel() for m in (rows, predicted)], axis=1)
    changes = np.flatnonzero((both[1:] != both[:-1]).any(axis=1)) + 1
    starts = np.append(0, changes)
    runs = np.column_stack([np.diff(starts, append=len(both)), both[starts]])
    return dict(size=size, runs=runs.ravel().tolist())


def segment_boxes(rows: NDArray[np.int64], count: int) -> list[list[float]]:
    """Boxes of segments as shares of the image: x, y, width, height; empty ones without a pixel.

    Args:
        rows: (H, W) rows of segments, NONE where void.
        count: Segments.
    """
    pixels = measure_segments((rows + 1).astype(np.uint32))
    height, width = rows.shape
    boxes: list[list[float]] = [[] for _ in range(count)]
    for number, box in zip(pixels.ids.tolist(), pixels.boxes, strict=True):
        boxes[number - 1] = np.round(box / (width, height, width, height), 4).tolist()
    return boxes
