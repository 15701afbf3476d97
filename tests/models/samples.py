"""Samples drawn by hand and packed as those of a data set are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmdet.structures import DetDataSample

from einet.datasets.transforms import PackPanopticInputs


def make_sample(
    size: tuple[int, int],
    boxes: Sequence[tuple[int, int, int, int, int]],
    stuff: int = 2,
    num_classes: int = 3,
    void_rows: int = 0,
) -> DetDataSample:
    """An image of stuff with rectangles (label, x1, y1, x2, y2) on it, later ones in front."""
    # Segment 1 is the stuff, segment k + 2 the k-th box.
    index_map = np.ones(size, np.uint16)
    index_map[:void_rows] = 0
    for index, (_, x1, y1, x2, y2) in enumerate(boxes, start=2):
        index_map[y1:y2, x1:x2] = index
    labels = [stuff, *(box[0] for box in boxes)]
    results = dict(
        img=np.zeros((*size, 3), np.uint8),
        gt_seg_map=index_map,
        segments=dict(
            category=np.array(labels, np.int64),
            is_thing=np.arange(len(labels)) > 0,
            is_crowd=np.zeros(len(labels), bool),
        ),
        num_classes=num_classes,
        img_shape=size,
        ori_shape=size,
        img_path='drawn.png',
        img_id=0,
    )
    return PackPanopticInputs().transform(results)['data_samples']
