"""Numbers that stay with an object from frame to frame.

Shape shorthand:
    H, W: frame
    T: tracks that are remembered
    K: instances of a frame
    D: embedding width
"""

from __future__ import annotations

import numpy as np

from .matching import assign, similarity


class InstanceTracker:
    """Follow instances through a video, one frame after the other.

    A track is remembered where it was last seen, as long as nothing else is there, for
    ``patience`` frames: an object that is missed, or passes behind another one, keeps its number.

    Args:
        distance: See :func:`.matching.similarity`; twice ``InstancePushLoss.delta_d``.
        least: Mask and embedding together must be this much alike, in (0, 1].
        patience: Frames after which a track that was not seen is forgotten.
    """

    def __init__(self, distance: float = 3.0, least: float = 0.25, patience: int = 10) -> None:
        self.distance = distance
        self.least = least
        self.patience = patience
        self._next = 1
        self._numbers = np.zeros(0, np.int64)  # (T,), from 1
        self._labels = np.zeros(0, np.int64)  # (T,)
        self._unseen = np.zeros(0, np.int64)  # (T,) frames since a track was seen
        self._embeddings: np.ndarray | None = None  # (T, D)
        self._map = np.zeros((0, 0), np.int64)  # (H, W): 1 + index of the track, 0 for none

    def update(
        self,
        panoptic_seg: np.ndarray,
        panoptic_ids: np.ndarray,
        labels: np.ndarray,
        embeddings: np.ndarray | None = None,
    ) -> np.ndarray:
        """Number the instances of the next frame.

        Args:
            panoptic_seg: (H, W) int.
            panoptic_ids: (K,) int, the instances' values in ``panoptic_seg``.
            labels: (K,) int classes; an object keeps its class.
            embeddings: (K, D) float at the instances' centroids, or None.

        Returns:
            (K,) int64, each instance's number, from 1; that of an earlier frame where it is the
            same object.
        """
        instance_map = _index_map(panoptic_seg, panoptic_ids)
        if self._map.shape != instance_map.shape:
            # The first frame, or one of another size, which no mask can be compared with.
            self._forget(np.zeros(len(self._numbers), bool))
            self._map = np.zeros(instance_map.shape, np.int64)
        iou = _mask_iou(self._map, instance_map, len(self._numbers), len(labels))
        alike = similarity(iou, self._embeddings, embeddings, self.distance)
        matched = assign(alike, self._labels[:, None] == labels, self.least)
        is_new = matched < 0
        numbers = np.empty(len(labels), np.int64)
        numbers[~is_new] = self._numbers[matched[~is_new]]
        numbers[is_new] = self._next + np.arange(is_new.sum())
        self._next += int(is_new.sum())
        self._remember(instance_map, numbers, labels, embeddings, matched[~is_new])
        return numbers

    def _remember(
        self,
        instance_map: np.ndarray,
        numbers: np.ndarray,
        labels: np.ndarray,
        embeddings: np.ndarray | None,
        seen: np.ndarray,
    ) -> None:
        """Keep tracks that were not seen, and put the frame's instances in front of them."""
        kept = np.ones(len(self._numbers), bool)
        kept[seen] = False
        kept &= self._unseen < self.patience
        self._forget(kept)
        self._unseen = np.append(self._unseen + 1, np.zeros(len(numbers), np.int64))
        shifted = instance_map + len(self._numbers)
        self._map = np.where(instance_map > 0, shifted, self._map)
        self._numbers = np.append(self._numbers, numbers)
        self._labels = np.append(self._labels, labels)
        if embeddings is None or self._embeddings is None:
            self._embeddings = embeddings
        else:
            self._embeddings = np.concatenate([self._embeddings, embeddings])

    def _forget(self, kept: np.ndarray) -> None:
        """Drop the tracks that are not kept, (T,) bool."""
        renumbered = np.append(0, np.where(kept, kept.cumsum(), 0))
        self._map = renumbered[self._map]
        self._numbers, self._labels = self._numbers[kept], self._labels[kept]
        self._unseen = self._unseen[kept]
        if self._embeddings is not None:
            self._embeddings = self._embeddings[kept]


def _index_map(panoptic_seg: np.ndarray, panoptic_ids: np.ndarray) -> np.ndarray:
    """(H, W) int64: 1 + index of the instance, 0 where there is none."""
    table = np.zeros(1 + max(panoptic_seg.max(initial=0), panoptic_ids.max(initial=0)), np.int64)
    table[panoptic_ids] = 1 + np.arange(len(panoptic_ids))
    return table[panoptic_seg]


def _mask_iou(first: np.ndarray, second: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """(T, K) IoU between the masks of two maps that number theirs from 1."""
    pairs = first.ravel() * (columns + 1) + second.ravel()
    size = (rows + 1) * (columns + 1)
    shared = np.bincount(pairs, minlength=size).reshape(rows + 1, columns + 1)
    union = shared.sum(1, keepdims=True) + shared.sum(0, keepdims=True) - shared
    return shared[1:, 1:] / union[1:, 1:].clip(1)
