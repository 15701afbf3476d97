"""The ground truth of a sample as a panoptic map, as large as its image."""

from __future__ import annotations

import numpy as np
from mmdet.structures import DetDataSample
from mmengine.dataset import BaseDataset
from mmengine.structures import PixelData

from ..datasets.transforms import LoadPanopticSegments, PackPanopticInputs
from .panoptic import resize_map


def check_ground_truth(dataset: BaseDataset, split: str) -> None:
    """Refuse data without ground truth, before a network runs over them.

    Args:
        dataset: Data set whose samples are packed by ``PackPanopticInputs``.
        split: Name of the data, for the message.

    Raises:
        ValueError: The first sample has none.
    """
    sample = dataset[0]['data_samples']
    if 'gt_panoptic_seg' not in sample and sample.get('seg_map_path') is None:
        raise ValueError(f'the {split} data have no ground truth: choose another --split')


def ground_truth(sample: DetDataSample, image: np.ndarray) -> np.ndarray | None:
    """Bring a sample's ground truth to its image's size.

    The test pipeline has packed it at the size that the model sees, and the data preprocessor has
    padded it at the right and at the bottom, so the padding is cut off before resizing (nearest).

    Test-time augmentation returns samples without ground truth, because each view had its own,
    scaled and flipped. Only then is the PNG read, by the transforms that the pipeline reads with.

    Args:
        sample: ``gt_panoptic_seg``, or metainfo that leads to the PNG: ``seg_map_path``,
            ``segments_info`` and ``num_classes``.
        image: (H, W, 3), original image.

    Returns:
        (H, W) int32 panoptic ids, void and crowd = C; None when the sample has no ground truth.

    Raises:
        FileNotFoundError: There is no such PNG.
        ValueError: The PNG is damaged or has ids that ``segments_info`` lacks.
    """
    if 'gt_panoptic_seg' in sample:
        truth = to_array(sample.gt_panoptic_seg)
        height, width = sample.get('img_shape', truth.shape)[:2]
        return resize_map(truth[:height, :width], image.shape[1::-1])
    fields = sample.metainfo
    if any(fields.get(key) is None for key in ('seg_map_path', 'segments_info', 'num_classes')):
        return None
    loaded = LoadPanopticSegments()(dict(fields, ori_shape=image.shape[:2], img=image))
    return to_array(PackPanopticInputs()(loaded)['data_samples'].gt_panoptic_seg)


def to_array(panoptic_seg: PixelData) -> np.ndarray:
    """(H, W) int32 of a map that has ``sem_seg``, (1, H, W) tensor or array; always a copy."""
    return panoptic_seg.cpu().numpy().sem_seg[0].astype(np.int32)
