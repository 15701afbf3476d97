"""Which instances of two frames are the same, by their masks and their embeddings.

Shape shorthand:
    T: tracks, known from earlier frames
    K: instances of this frame
    D: embedding width
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist


def similarity(
    iou: np.ndarray,
    track_embeddings: np.ndarray | None,
    embeddings: np.ndarray | None,
    distance: float,
) -> np.ndarray:
    """How much each track and each instance are alike.

    Args:
        iou: (T, K) of the masks.
        track_embeddings: (T, D) at the tracks' centroids; None when a model has none, such as
            Panoptic-DeepLab, where masks decide alone.
        embeddings: (K, D) likewise.
        distance: Of two embeddings that have nothing in common; Eq. (1) pushes instances
            2 delta_d apart.

    Returns:
        (T, K) in [0, 1], the mean of the masks' and the embeddings'.
    """
    if track_embeddings is None or embeddings is None:
        return iou
    closeness = 1 - cdist(track_embeddings, embeddings) / distance
    return (iou + closeness.clip(0, 1)) / 2


def assign(alike: np.ndarray, may_match: np.ndarray, least: float) -> np.ndarray:
    """Pair tracks and instances so that the sum of what is alike is largest.

    Args:
        alike: (T, K) in [0, 1].
        may_match: (T, K) bool.
        least: Pairs below this are none.

    Returns:
        (K,) int64, each instance's track; -1 for none.

    Example:
        >>> alike = np.array([[0.9, 0.8], [0.7, 0.1]])
        >>> assign(alike, np.full((2, 2), True), least=0.3).tolist()  # 0.8 + 0.7 > 0.9 + 0.1
        [1, 0]
    """
    allowed = np.where(may_match & (alike >= least), alike, 0)
    rows, columns = linear_sum_assignment(allowed, maximize=True)
    paired = allowed[rows, columns] > 0
    tracks = np.full(alike.shape[1], -1, np.int64)
    tracks[columns[paired]] = rows[paired]
    return tracks
