"""Loads panoptic annotations as one map of segment indices that any stock transform can move."""

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS
from numpy.typing import NDArray

from ...structures.id_map import read_id_map
from ...structures.runs import find_runs
from ..rules import png_size_findings, raise_first, segment_count_findings, unknown_id_findings

# mmcv's, mmdet's and mmseg's transforms fill segmentation maps with 255 where there is no image.
# No segment has this index, so that such pixels are void whether or not a config says `seg=0`.
PADDING_INDEX = 255


@TRANSFORMS.register_module()
class LoadPanopticSegments(BaseTransform):
    """Turn the id-coded PNG into a map of small indices and a table.

    Stock geometric transforms (Resize, RandomResize, RandomCrop, RandomFlip, Pad of mmcv, mmdet and
    mmseg) move ``gt_seg_map``; :class:`PackPanopticInputs` looks the indices up in the table. A
    segment of the annotation without pixels is tolerated. Without ``seg_map_path`` (test images)
    nothing is loaded.

    Required keys: ``seg_map_path``, ``segments_info``; ``ori_shape``, or ``height`` and ``width``.

    Added keys:

    * ``gt_seg_map``: (H, W) uint16, 0 = void (255 = padding, also void), otherwise index i.
    * ``segments``: dict of arrays whose row i - 1 belongs to index i: ``category`` (int64, label),
      ``is_thing`` (bool), ``is_crowd`` (bool).
    * ``seg_fields``: with ``gt_seg_map``, for mmseg's transforms.

    Args:
        backend_args: Storage backend of :func:`mmengine.fileio.get`.

    Raises:
        FileNotFoundError: There is no such PNG.
        ValueError: The PNG cannot be decoded, has another size than the image, or has ids that the
            annotation lacks; or there are more than 65534 segments.
    """

    def __init__(self, backend_args: dict[str, Any] | None = None) -> None:
        self.backend_args = backend_args

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add the map and the table to the sample."""
        path = results.get('seg_map_path')
        if path is None:
            return results
        segments, place = results['segments_info'], dict(file=path, image_id=results.get('img_id'))
        raise_first(segment_count_findings(segments), **place)
        id_map = read_id_map(path, self.backend_args)
        size = results.get('ori_shape', (results.get('height'), results.get('width')))[:2]
        raise_first(png_size_findings(id_map.shape, size, results.get('img_path')), **place)
        indices = np.arange(1, len(segments) + 1)
        indices += indices >= PADDING_INDEX
        ids = np.array([segment['id'] for segment in segments], np.int64)
        results['gt_seg_map'] = index_map(id_map, ids, indices, **place)
        results['segments'] = segment_table(segments, indices)
        results.setdefault('seg_fields', []).append('gt_seg_map')
        return results

    def __repr__(self) -> str:
        """Name and arguments, as mmengine logs them."""
        return f'{type(self).__name__}(backend_args={self.backend_args})'


def index_map(
    id_map: NDArray[np.uint32], ids: NDArray[np.int64], indices: NDArray[np.int64], **place: Any
) -> NDArray[np.uint16]:
    """Replace ids by indices.

    Args:
        id_map: (H, W), 0 = void.
        ids: (N,) different ids of the annotation, none 0.
        indices: (N,) in [1, 65535].
        **place: PNG and image, for the message.

    Returns:
        (H, W), 0 = void.

    Raises:
        ValueError: The map has ids that the annotation lacks.
    """
    runs = find_runs(id_map)
    order = np.argsort(ids)
    known = np.append(0, ids[order])
    position = np.searchsorted(known, runs.values)
    position[position == len(known)] = 0
    unknown = known[position] != runs.values
    if unknown.any():
        num_pixels = int((runs.x2 - runs.x1)[unknown].sum())
        unknown_ids = np.unique(runs.values[unknown]).tolist()
        raise_first(unknown_id_findings(unknown_ids, num_pixels), **place)
    return runs.paint(np.append(0, indices[order]).astype(np.uint16)[position])


def segment_table(
    segments: list[dict[str, Any]], indices: NDArray[np.int64]
) -> dict[str, NDArray[np.generic]]:
    """Columns of the table; a row that no segment has (that of the padding) counts as crowd."""
    length = int(indices.max(initial=0))
    table = dict(
        category=np.zeros(length, np.int64),
        is_thing=np.zeros(length, bool),
        is_crowd=np.ones(length, bool),
    )
    table['category'][indices - 1] = [segment['category'] for segment in segments]
    table['is_thing'][indices - 1] = [segment['is_thing'] for segment in segments]
    table['is_crowd'][indices - 1] = [segment.get('iscrowd', 0) for segment in segments]
    return table
