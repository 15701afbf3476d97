"""The model that ships, on the image that ships, against the result that is stored beside it.

Shape shorthand:
    H, W: image
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..evaluation.measures.overlaps import count_overlaps
from ..structures.files import write_png
from ..structures.id_map import ids_to_bgr, read_id_map
from ..structures.limits import INSTANCE_OFFSET
from .inferencer import build_inferencer
from .published import shipped_folder

MODEL = 'einet_r18_nuclei'
IMAGE = 'demo/nuclei.png'
RESULT = 'demo/nuclei_panoptic.png'
#: Pixels that must agree. Other machines and versions round otherwise, which moves a few outlines.
AGREEMENT = 0.995


def segment_demo(device: str | None = None) -> NDArray[np.integer]:
    """Segment the demo's image.

    Args:
        device: For example ``cpu`` or ``cuda:0``; None takes what is there.

    Returns:
        (H, W) panoptic ids, see :mod:`einet.structures.panoptic_ids`.

    Raises:
        OSError: A file is missing or cannot be read.
        ValueError: The weights are damaged.
    """
    image = cv2.imread(str(shipped_folder() / IMAGE))
    if image is None:
        path = shipped_folder() / IMAGE
        raise FileNotFoundError(f'{path} is missing or no image: `git checkout demo`')
    inferencer = build_inferencer(MODEL, device=device)
    result = inferencer(image, return_datasamples=True)['predictions'][0]
    return result.pred_panoptic_seg.sem_seg[0].cpu().numpy()


def stored_result() -> NDArray[np.integer]:
    """The result that :func:`store_result` stored.

    Returns:
        (H, W) panoptic ids.

    Raises:
        FileNotFoundError: There is none.
        ValueError: Its file is damaged.
    """
    path = shipped_folder() / RESULT
    if not path.is_file():
        raise FileNotFoundError(f'the stored result {path} is missing: `git checkout demo`')
    return read_id_map(str(path))


def store_result(panoptic_ids: NDArray[np.integer]) -> Path:
    """Make a result the one to compare with.

    Args:
        panoptic_ids: (H, W) panoptic ids.

    Returns:
        The file, an id-coded PNG.
    """
    path = shipped_folder() / RESULT
    write_png(path, ids_to_bgr(panoptic_ids))
    return path


def count_instances(panoptic_ids: NDArray[np.integer]) -> int:
    """How many instances a result has.

    Args:
        panoptic_ids: (H, W) panoptic ids.
    """
    return int((np.unique(panoptic_ids) >= INSTANCE_OFFSET).sum())


def agreement(found: NDArray[np.integer], expected: NDArray[np.integer]) -> float:
    """Share of the pixels on which two results agree, however their instances are numbered.

    Segments of one class are paired from the largest overlap to the smallest; a pixel agrees where
    its two segments are a pair.

    Args:
        found: (H, W) panoptic ids.
        expected: (H, W) panoptic ids.

    Returns:
        From 0 to 1.

    Raises:
        ValueError: The two differ in size.
    """
    overlaps = count_overlaps(expected, found)
    same_class = overlaps.gt_ids % INSTANCE_OFFSET == overlaps.pred_ids % INSTANCE_OFFSET
    paired: tuple[set[int], set[int]] = set(), set()
    pixels = 0
    for row in np.argsort(-overlaps.areas, kind='stable'):
        pair = int(overlaps.gt_ids[row]), int(overlaps.pred_ids[row])
        if same_class[row] and pair[0] not in paired[0] and pair[1] not in paired[1]:
            paired[0].add(pair[0])
            paired[1].add(pair[1])
            pixels += int(overlaps.areas[row])
    return pixels / found.size
