"""Packs an image and its map of segment indices into what the model takes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData, PixelData
from numpy.typing import NDArray
from torch import Tensor

from ...structures.limits import IGNORE_LABEL, INSTANCE_OFFSET
from ...structures.runs import Runs, find_runs, instance_statistics
from .loading import PADDING_INDEX


@TRANSFORMS.register_module()
class PackPanopticInputs(BaseTransform):
    """Last transform: image and annotation to ``inputs`` and ``data_samples``.

    Letters: (H, W) the image after all transforms, C classes (things first), K instances.

    ``inputs`` is the (3, H, W) image in its own type. When ``gt_seg_map`` is there, the
    ``DetDataSample`` gets, with crowd treated as void:

    * ``gt_sem_seg.sem_seg``: (1, H, W) uint8 labels, 255 = void.
    * ``gt_panoptic_seg.sem_seg``: (1, H, W) int32; stuff = label, the k-th thing (from 0) = label +
      1000 (k + 1), void = C. As mmdet encodes it.
    * ``gt_instances``: the K things with at least one pixel left: ``labels`` (K,) int64,
      ``centroids`` (K, 2) float32 xy (the pixel of the instance nearest to its center of mass),
      ``areas`` (K,) float32 pixels, ``bboxes`` (K, 4) float32 xyxy of the visible part, x2 and y2
      exclusive; with ``with_masks`` also ``masks``.

    Required keys: ``img``; with ``gt_seg_map`` also ``segments`` and ``num_classes``.

    Args:
        meta_keys: Keys copied to the sample's metainfo where present. Class counts are among them
            so that the data preprocessor can tell when model and data set disagree.
        with_masks: Add one bitmap per instance; only for metrics or models that ask for them.

    Raises:
        KeyError: ``gt_seg_map`` comes without its table or class count.
        ValueError: The map has indices that the table lacks.
    """

    META_KEYS = (
        'img_id',
        'img_path',
        'file_name',
        'category_ids',
        'seg_map_path',
        'segments_info',
        'ori_shape',
        'img_shape',
        'scale_factor',
        'flip',
        'flip_direction',
        'num_classes',
        'num_things_classes',
    )

    def __init__(self, meta_keys: Sequence[str] = META_KEYS, with_masks: bool = False) -> None:
        self.meta_keys = tuple(meta_keys)
        self.with_masks = with_masks

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack one sample."""
        sample = DetDataSample()
        if results.get('gt_seg_map') is not None:
            self._pack_targets(results, sample)
        sample.set_metainfo({key: results[key] for key in self.meta_keys if key in results})
        return dict(inputs=image_to_tensor(results['img']), data_samples=sample)

    def _pack_targets(self, results: dict[str, Any], sample: DetDataSample) -> None:
        for key, source in (
            ('segments', 'load the annotation with LoadPanopticSegments'),
            ('num_classes', 'use PanopticDataset, or put it into the data_info of your own'),
        ):
            if key not in results:
                raise KeyError(f'PackPanopticInputs: the sample lacks `{key}`; {source}')
        runs = find_runs(results['gt_seg_map'])
        table, num_classes = results['segments'], results['num_classes']
        labels, countable = run_labels(runs, table, results.get('img_path'))
        segments, of_run = np.unique(runs.values[countable], return_inverse=True)
        instances = np.full(len(labels), -1)
        instances[countable] = of_run
        sample.gt_sem_seg = PixelData(sem_seg=_to_map(runs, labels.astype(np.uint8)))
        ids = np.where(labels == IGNORE_LABEL, num_classes, labels)
        ids += INSTANCE_OFFSET * (instances + 1)
        sample.gt_panoptic_seg = PixelData(sem_seg=_to_map(runs, ids.astype(np.int32)))
        statistics = instance_statistics(runs, instances, len(segments))
        sample.gt_instances = InstanceData(
            labels=torch.from_numpy(table['category'][segments.astype(np.int64) - 1]),
            centroids=torch.from_numpy(statistics.centroids).float(),
            areas=torch.from_numpy(statistics.areas).float(),
            bboxes=torch.from_numpy(statistics.bboxes).float(),
        )
        if self.with_masks:
            number_map = runs.paint(instances)
            masks = number_map == np.arange(len(segments))[:, None, None]
            sample.gt_instances.masks = BitmapMasks(masks.astype(np.uint8), *runs.shape)

    def __repr__(self) -> str:
        """Name and arguments, as mmengine logs them."""
        return f'{type(self).__name__}(meta_keys={self.meta_keys}, with_masks={self.with_masks})'


def run_labels(
    runs: Runs, table: dict[str, NDArray[np.generic]], img_path: str | None
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """What each run belongs to.

    Args:
        runs: R runs of segment indices.
        table: Columns as :class:`LoadPanopticSegments` makes them.
        img_path: Image file, for the message.

    Returns:
        (R,) labels with 255 for void and crowd, and (R,) whether a run is of a countable thing.

    Raises:
        ValueError: An index lies beyond the table and is not that of padding.
    """
    rows = len(table['category'])
    largest = int(runs.values.max())
    if largest > rows and largest != PADDING_INDEX:
        raise ValueError(
            f'{img_path}: gt_seg_map has segment index {largest}, but there are {rows} segments; '
            f'a transform filled it with a value that is neither 0 nor {PADDING_INDEX}: '
            f"set its pad_val for 'seg' to 0"
        )
    labels = np.full(max(rows, PADDING_INDEX) + 1, IGNORE_LABEL)
    labels[1 : rows + 1] = np.where(table['is_crowd'], IGNORE_LABEL, table['category'])
    countable = np.zeros(len(labels), bool)
    countable[1 : rows + 1] = table['is_thing'] & ~table['is_crowd']
    return labels[runs.values], countable[runs.values]


def image_to_tensor(image: NDArray[np.generic]) -> Tensor:
    """(H, W, 3) image, or (H, W) gray one, to a contiguous (3 or 1, H, W) tensor."""
    if image.ndim == 2:
        image = image[..., None]
    # One copy also after a crop or a flip; torch cannot take a flip's negative strides, and making
    # them contiguous first costs four times as much.
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def _to_map(runs: Runs, values: NDArray[np.generic]) -> Tensor:
    """(1, H, W) map of one value per run."""
    return torch.from_numpy(runs.paint(values))[None]
