"""Panoptic quality as a metric of mmengine's evaluator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from mmdet.evaluation.functional import INSTANCE_OFFSET
from mmdet.registry import METRICS
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from numpy.typing import NDArray
from terminaltables import AsciiTable

from .coco_results import WrittenImage, write_image, write_json
from .ground_truth import parse_segments, read_id_map
from .pq import PQStatistics, pq_statistics
from .pq_summary import PanopticQuality, class_quality, mean_quality, sum_statistics


@dataclass(frozen=True)
class ImageResult:
    """All that is kept of one image, and all that travels between ranks: a few hundred bytes.

    One per sample and in the samples' order, because mmengine drops what the sampler padded by
    counting.

    Args:
        statistics: None with ``format_only``.
        written: None without ``outfile_prefix``.
    """

    statistics: PQStatistics | None
    written: WrittenImage | None


@METRICS.register_module()
class PanopticQualityMetric(BaseMetric):
    """PQ, SQ and RQ for all, thing and stuff classes, and for each class; in percent.

    Same values as panopticapi, computed in memory: pixels of void ground truth do not count, crowd
    segments are neither missed nor matched, and a predicted segment that lies mostly in void and in
    crowd of its own class is no false positive. Areas come from the maps, never from the JSON. The
    samples are not changed.

    Reads of each sample ``pred_panoptic_seg`` (label + 1000 * instance, void = C, at the original
    size), ``seg_map_path``, ``segments_info``, ``img_id`` and ``img_path``; of the dataset's
    metainfo ``classes``, ``thing_classes``, ``stuff_classes``, and ``category_ids`` to write.

    A group is averaged over its classes that appear in the ground truth or in the predictions. When
    none does, its values are NaN: not measured (panopticapi divides by zero).

    Args:
        classwise: also print a table of all classes and return ``PQ/<class>`` for each, NaN for
            those that do not appear.
        outfile_prefix: ``a/b/name`` writes the predictions to ``a/b/name.panoptic/*.png`` and
            ``a/b/name.panoptic.json``; with several ranks, on a disk that all share.
        format_only: write without evaluating; no ground truth is read.
        backend_args: storage backend of the ground-truth PNGs.
        collect_device: ``cpu`` or ``gpu``, see :class:`mmengine.evaluator.BaseMetric`.
        prefix: of the keys that are returned; ``panoptic`` when None.
        collect_dir: see :class:`mmengine.evaluator.BaseMetric`.

    Raises:
        ValueError: when ``format_only`` comes without ``outfile_prefix``.
    """

    default_prefix = 'panoptic'

    def __init__(
        self,
        classwise: bool = False,
        outfile_prefix: str | None = None,
        format_only: bool = False,
        backend_args: dict[str, Any] | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device, prefix, collect_dir)
        if format_only and outfile_prefix is None:
            raise ValueError('format_only=True writes predictions: set outfile_prefix')
        self.classwise = classwise
        self.outfile_prefix = outfile_prefix
        self.format_only = format_only
        self.backend_args = backend_args

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of all C classes, by label."""
        return tuple(self._meta('classes'))

    @property
    def thing_labels(self) -> frozenset[int]:
        """Labels of the thing classes."""
        return _labels_of(tuple(self._meta('thing_classes')), self.classes)

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Reduce each sample to an :class:`ImageResult`.

        Args:
            data_batch: not used.
            data_samples: predictions, as mappings.

        Raises:
            FileNotFoundError: when a ground-truth PNG is missing.
            KeyError: when a sample or the metainfo lacks a field.
            ValueError: when a ground-truth PNG cannot be decoded or has ids that the annotation
                lacks, the prediction differs from it in size, or a label lies outside [0, C].
        """
        for sample in data_samples:
            pred_map = self._panoptic_map(sample)
            statistics = None if self.format_only else self._evaluate(sample, pred_map)
            written = None if self.outfile_prefix is None else self._write(sample, pred_map)
            self.results.append(ImageResult(statistics, written))

    def compute_metrics(self, results: list[ImageResult]) -> dict[str, float]:
        """Add up the images.

        Args:
            results: those of all ranks.

        Returns:
            ``PQ``, ``SQ``, ``RQ``, and the same with ``_th`` and ``_st``, in percent; with
            ``classwise`` also ``PQ/<class>``. Empty with ``format_only``.
        """
        if self.outfile_prefix is not None:
            self._write_json(results)
        if self.format_only:
            return {}
        num_classes = len(self.classes)
        total = sum_statistics((result.statistics for result in results), num_classes)
        quality = PanopticQuality(*(100 * values for values in class_quality(total)))
        things = sorted(self.thing_labels)
        groups = {
            '': ('all', range(num_classes)),
            '_th': ('things', things),
            '_st': ('stuff', sorted(set(range(num_classes)) - set(things))),
        }
        metrics, rows = {}, []
        for suffix, (name, labels) in groups.items():
            mean, num = mean_quality(quality, labels)
            metrics |= {f'PQ{suffix}': mean.pq, f'SQ{suffix}': mean.sq, f'RQ{suffix}': mean.rq}
            rows.append([name, *_cells(mean), num])
        _print_table('Panoptic quality', [['', 'PQ', 'SQ', 'RQ', 'classes'], *rows])
        if self.classwise:
            metrics |= {
                f'PQ/{name}': float(pq) for name, pq in zip(self.classes, quality.pq, strict=True)
            }
            self._print_classes(quality, total)
        return metrics

    def _panoptic_map(self, sample: Mapping[str, Any]) -> NDArray[np.integer]:
        """The prediction as (H, W) integers; may share memory with the sample."""
        if 'pred_panoptic_seg' not in sample:
            raise KeyError(
                f'image {sample.get("img_id")}: the sample lacks `pred_panoptic_seg`; '
                f'the model must predict panoptic segmentation'
            )
        pred_map = np.asarray(sample['pred_panoptic_seg']['sem_seg'].cpu())
        pred_map = pred_map.reshape(pred_map.shape[-2:])
        if 0 in self.thing_labels and pred_map.min(initial=1) == 0:
            # Things count from 1, so no segment has id 0: mmdet's CocoPanopticMetric, when listed
            # before this one, has overwritten void with it.
            pred_map = np.where(pred_map == 0, len(self.classes), pred_map)
        return pred_map

    def _evaluate(self, sample: Mapping[str, Any], pred_map: NDArray[np.integer]) -> PQStatistics:
        path = _field(sample, 'seg_map_path')
        segments_info = _field(sample, 'segments_info')
        num_classes = len(self.classes)
        gt_map = read_id_map(path, self.backend_args)
        try:
            segments = parse_segments(segments_info, num_classes, self.thing_labels)
            return pq_statistics(gt_map, segments, pred_map, num_classes, INSTANCE_OFFSET)
        except ValueError as error:
            raise ValueError(f'image {sample.get("img_id")}, {path}: {error}') from error

    def _write(self, sample: Mapping[str, Any], pred_map: NDArray[np.integer]) -> WrittenImage:
        self._meta('category_ids')  # fails with the first image, not after the last
        image_id, picture = _field(sample, 'img_id'), Path(_field(sample, 'img_path')).name
        folder = Path(f'{self.outfile_prefix}.panoptic')
        try:
            return write_image(
                folder, picture, image_id, pred_map, len(self.classes), INSTANCE_OFFSET
            )
        except ValueError as error:
            raise ValueError(f'image {image_id}: {error}') from error

    def _write_json(self, results: list[ImageResult]) -> None:
        path = Path(f'{self.outfile_prefix}.panoptic.json')
        images = [result.written for result in results]
        write_json(path, images, self.classes, self.thing_labels, self._meta('category_ids'))
        print_log(f'{len(images)} predictions are in {path} and its folder', logger='current')

    def _print_classes(self, quality: PanopticQuality, total: PQStatistics) -> None:
        rows = [
            [name, *_cells(PanopticQuality(*values)), *counts]
            for name, values, counts in zip(
                self.classes,
                np.stack(quality, axis=1).tolist(),
                np.stack([total.tp, total.fp, total.fn], axis=1).tolist(),
                strict=True,
            )
        ]
        header = ['class', 'PQ', 'SQ', 'RQ', 'matched', 'false', 'missed']
        _print_table('Panoptic quality by class', [header, *rows])

    def _meta(self, key: str) -> Any:
        meta = self.dataset_meta or {}
        if key not in meta:
            raise KeyError(
                f'the metainfo of the dataset lacks `{key}`, which PanopticQualityMetric needs; '
                f'add it to `metainfo` in the config of the dataset'
                + (' (ids of the annotation file, by label)' if key == 'category_ids' else '')
            )
        return meta[key]


@lru_cache
def _labels_of(names: tuple[str, ...], classes: tuple[str, ...]) -> frozenset[int]:
    return frozenset(label for label, name in enumerate(classes) if name in set(names))


def _field(sample: Mapping[str, Any], key: str) -> Any:
    if sample.get(key) is None:
        raise KeyError(
            f'image {sample.get("img_id")}: the sample lacks `{key}`, which PanopticQualityMetric '
            f'needs; add it to `meta_keys` of the packing transform'
        )
    return sample[key]


def _cells(quality: PanopticQuality) -> list[str]:
    return ['-' if np.isnan(value) else f'{value:.2f}' for value in quality]


def _print_table(title: str, rows: list[list[Any]]) -> None:
    print_log(f'{title} (percent)\n{AsciiTable(rows).table}', logger='current')
