"""Packed samples drawn by hand, as the packer would give them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmdet.evaluation.functional import INSTANCE_OFFSET
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData, PixelData

from einet.functional.segments import segment_centroids


def make_sample(
    size: tuple[int, int],
    boxes: Sequence[tuple[int, int, int, int, int]],
    stuff: int = 2,
    num_classes: int = 3,
    void_rows: int = 0,
) -> DetDataSample:
    """An image of stuff with rectangles (label, x1, y1, x2, y2) on it, later ones in front."""
    ids = torch.full(size, -1)
    for k, (_, x1, y1, x2, y2) in enumerate(boxes):
        ids[y1:y2, x1:x2] = k
    seen = ids[ids >= 0].unique()
    ids[ids >= 0] = torch.searchsorted(seen, ids[ids >= 0])
    labels = torch.tensor([box[0] for box in boxes], dtype=torch.long)[seen]
    geometry = segment_centroids(ids, len(seen))
    things = ids >= 0
    panoptic = torch.full(size, stuff)
    panoptic[things] = labels[ids[things]] + INSTANCE_OFFSET * (ids[things] + 1)
    panoptic[:void_rows][~things[:void_rows]] = num_classes
    sem_seg = panoptic % INSTANCE_OFFSET
    sem_seg[panoptic == num_classes] = 255
    sample = DetDataSample(
        metainfo=dict(img_shape=size, ori_shape=size, img_path='drawn.png', img_id=0)
    )
    sample.gt_sem_seg = PixelData(sem_seg=sem_seg[None].to(torch.uint8))
    sample.gt_panoptic_seg = PixelData(sem_seg=panoptic[None].int())
    sample.gt_instances = InstanceData(
        labels=labels,
        centroids=geometry.centroids.float(),
        areas=geometry.areas.float(),
        bboxes=geometry.boxes.float(),
    )
    return sample
