"""Panoptic ids of predictions: label + :data:`INSTANCE_OFFSET` * instance, void = C.

Shape shorthand:
    P: ids
    C: classes; also the label of void
"""

import numpy as np
from numpy.typing import NDArray

from .limits import INSTANCE_OFFSET
from .segments import NONE


def decode_labels(panoptic_ids: NDArray[np.int64], num_classes: int) -> NDArray[np.int64]:
    """Labels of panoptic ids.

    Args:
        panoptic_ids: (P,) int64.
        num_classes: C.

    Returns:
        (P,) labels in [0, C), :data:`NONE` for void.

    Raises:
        ValueError: A label lies outside [0, C].
    """
    labels = panoptic_ids % INSTANCE_OFFSET
    if labels.max(initial=0) > num_classes:
        wrong = np.unique(labels[labels > num_classes])
        raise ValueError(
            f'the prediction has labels {wrong[:5].tolist()}; labels are 0 to {num_classes - 1}, '
            f'void is {num_classes} (the number of classes)'
        )
    return np.where(labels == num_classes, NONE, labels)


def restore_void(
    panoptic_seg: NDArray[np.integer], num_classes: int, first_is_thing: bool
) -> NDArray[np.integer]:
    """Make void what mmdet's ``CocoPanopticMetric`` has overwritten with 0.

    That metric shares the sample's memory, so whoever comes after it finds 0 where void was. Things
    count from 1, so where label 0 is a thing no segment has id 0.

    Args:
        panoptic_seg: (H, W) panoptic ids; not changed.
        num_classes: C.
        first_is_thing: Whether label 0 is a thing; otherwise 0 is a segment and stays.

    Returns:
        (H, W) panoptic ids; the input itself where there is nothing to restore.
    """
    if first_is_thing and panoptic_seg.min(initial=1) == 0:
        return np.where(panoptic_seg == 0, num_classes, panoptic_seg)
    return panoptic_seg
