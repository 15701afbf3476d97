"""All measures of a panoptic prediction as one metric of mmengine's evaluator."""

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mmdet.registry import METRICS
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from .classes import PanopticClasses
from .measures.ap import APMeasure
from .measures.base import Measure
from .measures.cityscapes_ap import CityscapesAPMeasure
from .measures.iou import IoUMeasure, check_png_ids
from .measures.pq import PQMeasure
from .preflight import check_file_names, check_image_ids
from .sample import EvaluatedSample

METRIC_NAMES = ('PQ', 'AP', 'cityscapes_AP', 'mIoU')


@dataclass(frozen=True)
class MetricResult:
    """All that is kept of one sample, and all that travels between ranks: no maps.

    One per sample and in the samples' order, because mmengine drops what the sampler padded by
    counting.

    Args:
        measured: What each measure counted; empty with ``format_only``.
        written: What each measure wrote; empty without ``outfile_prefix``.
    """

    measured: tuple[Any, ...]
    written: tuple[Any, ...]


@METRICS.register_module()
class PanopticMetric(BaseMetric):
    """PQ, instance AP and mIoU in one pass: every ground-truth PNG is read once for all of them.

    In memory; the samples are not changed. Definitions, with the rules for crowd and void:

    * ``PQ``: :class:`.measures.pq.PQMeasure`, panopticapi's.
    * ``AP``: :class:`.measures.ap.APMeasure`, pycocotools'.
    * ``cityscapes_AP``: :class:`.measures.cityscapes_ap.CityscapesAPMeasure`, cityscapesScripts'.
    * ``mIoU``: :class:`.measures.iou.IoUMeasure`, mmseg's.

    Reads of each sample ``seg_map_path``, ``segments_info``, ``img_id`` and ``img_path``, and of
    its prediction, at the original size: ``pred_panoptic_seg`` (label + 1000 * instance, void = C),
    for AP also ``pred_instances`` (labels, scores, panoptic_ids), for mIoU ``pred_sem_seg``. Of the
    dataset's metainfo ``classes``, ``thing_classes``, and ``category_ids`` to write.

    Values are percent; NaN means that there was nothing to measure.

    Args:
        metric: What to measure, among ``PQ``, ``AP``, ``cityscapes_AP`` and ``mIoU``.
        classwise: Also print tables of all classes and return ``PQ/<class>``, ``AP/<class>``,
            ``IoU/<class>``, NaN for those that do not appear.
        outfile_prefix: ``a/b/name`` also writes the predictions, in what servers want for the
            measures chosen: ``a/b/name.panoptic.json`` and ``.panoptic/`` (PQ), ``.segm.json``
            (AP), ``.instances/`` (cityscapes_AP), ``.semantic/`` (mIoU). Files there are
            overwritten, none is deleted. With several ranks, on a disk that all share.
        format_only: Write without evaluating; no ground truth is read.
        ignore_crowd: For mIoU: crowd does not count; False counts it as of its class.
        max_dets: For AP: instances per class and image that count.
        ap_engine: For AP: ``pycocotools``, or ``hotcoco`` for the same values in less time.
        instance_prefix: For cityscapes_AP: folder with the cities' instanceIds PNGs; found beside
            ``leftImg8bit`` when None.
        backend_args: Ground-truth PNGs' storage backend.
        collect_device: ``cpu`` or ``gpu``, see :class:`mmengine.evaluator.BaseMetric`.
        prefix: Start of the returned keys; ``panoptic`` when None.
        collect_dir: See :class:`mmengine.evaluator.BaseMetric`.

    Raises:
        ImportError: The package that ``ap_engine`` names is missing.
        ValueError: ``metric`` is unknown or names both kinds of AP, ``ap_engine`` is unknown, or
            ``format_only`` comes without ``outfile_prefix``.
    """

    default_prefix = 'panoptic'

    def __init__(
        self,
        metric: str | Sequence[str] = ('PQ', 'AP', 'mIoU'),
        classwise: bool = False,
        outfile_prefix: str | None = None,
        format_only: bool = False,
        ignore_crowd: bool = True,
        max_dets: int = 100,
        ap_engine: str = 'pycocotools',
        instance_prefix: str | None = None,
        backend_args: dict[str, Any] | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device, prefix, collect_dir)
        names = [metric] if isinstance(metric, str) else list(dict.fromkeys(metric))
        unknown = [name for name in names if name not in METRIC_NAMES]
        if unknown or not names or {'AP', 'cityscapes_AP'} <= set(names):
            raise ValueError(
                f'metric={metric!r}: give one or more of {METRIC_NAMES}, and one kind of AP'
            )
        if format_only and outfile_prefix is None:
            raise ValueError('format_only=True writes predictions: set outfile_prefix')
        makers = {
            'PQ': lambda: PQMeasure(classwise),
            'AP': lambda: APMeasure(classwise, max_dets, ap_engine),
            'cityscapes_AP': lambda: CityscapesAPMeasure(classwise, instance_prefix),
            'mIoU': lambda: IoUMeasure(classwise, ignore_crowd),
        }
        self.measures: list[Measure] = [makers[name]() for name in names]
        #: Messages of the measures that failed in the latest evaluation, by their suffix; those of
        #: one measure are joined.
        self.failures: dict[str, str] = {}
        self.outfile_prefix = outfile_prefix
        self.format_only = format_only
        self.backend_args = backend_args

    @property
    def classes(self) -> PanopticClasses:
        """The data set's classes."""
        return PanopticClasses.from_metainfo(self.dataset_meta)

    def check_data(self, samples: Sequence[Mapping[str, Any]]) -> None:
        """Find what would spoil results at their end, before the first image.

        Args:
            samples: Data infos of the data set, as :class:`PanopticDataset` makes them.

        Raises:
            ValueError: Image ids or names of results collide, or category ids do not fit.
        """
        kinds = [type(measure) for measure in self.measures]
        if self.outfile_prefix is not None:
            check_file_names(samples)
        if self.outfile_prefix is not None or APMeasure in kinds:
            check_image_ids(samples)
        if self.outfile_prefix is not None and IoUMeasure in kinds:
            for category_ids in {tuple(sample.get('category_ids', ())) for sample in samples}:
                check_png_ids(category_ids)

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Reduce each sample to an :class:`MetricResult`.

        Args:
            data_batch: Not used.
            data_samples: Predictions and metainfo, as mappings.

        Raises:
            FileNotFoundError: A ground-truth PNG is missing.
            KeyError: A sample or the metainfo lacks a field.
            ValueError: A ground-truth PNG cannot be decoded or has ids that the annotation lacks,
                the prediction differs from it in size, or a label lies outside its range.
        """
        classes = self.classes
        for fields in data_samples:
            try:
                self.results.append(
                    self._reduce(EvaluatedSample(fields, classes, self.backend_args))
                )
            except ValueError as error:
                path = fields.get('seg_map_path') or fields.get('img_path')
                raise ValueError(f'image {fields.get("img_id")}, {path}: {error}') from error

    def compute_metrics(self, results: list[MetricResult]) -> dict[str, float]:
        """Summarize the samples.

        Args:
            results: Results of all ranks.

        Returns:
            The values of all measures; empty with ``format_only``. Those of a measure that fails
            are NaN, and :attr:`failures` has its messages.
        """
        metrics: dict[str, float] = {}
        self.failures = {}
        for index, measure in enumerate(self.measures):
            # Numbers first: they are worth keeping when the files cannot be written.
            if not self.format_only:
                metrics |= dict.fromkeys(measure.keys, math.nan)
                with self._failure_of(measure, 'its scores are NaN'):
                    measured = [result.measured[index] for result in results]
                    metrics |= measure.summarize(measured, self.classes)
            if self.outfile_prefix is not None:
                with self._failure_of(measure, 'its results are not complete on disk'):
                    written = [result.written[index] for result in results]
                    measure.finish_writing(written, self.outfile_prefix, self.classes)
        return metrics

    @contextmanager
    def _failure_of(self, measure: Measure, consequence: str) -> Iterator[None]:
        """Log what a measure raises and keep its message; the others go on."""
        try:
            yield
        except Exception as error:  # whatever it is, the others' scores are worth keeping
            message = f'{type(error).__name__}: {error}'
            earlier = self.failures.get(measure.suffix)
            self.failures[measure.suffix] = f'{earlier}; {message}' if earlier else message
            print_log(
                f'{type(measure).__name__} failed, {consequence}: {message}',
                logger='current',
                level=logging.ERROR,
            )

    def _reduce(self, sample: EvaluatedSample) -> MetricResult:
        measured, written = (), ()
        if not self.format_only:
            measured = tuple(measure.measure(sample) for measure in self.measures)
        if self.outfile_prefix is not None:
            written = tuple(m.write(sample, self.outfile_prefix) for m in self.measures)
        return MetricResult(measured, written)


@METRICS.register_module()
class PanopticQualityMetric(PanopticMetric):
    """:class:`PanopticMetric` that measures PQ alone.

    Args:
        classwise: Also print a table of all classes and return ``PQ/<class>`` for each.
        **kwargs: See :class:`PanopticMetric`.
    """

    def __init__(self, classwise: bool = False, **kwargs: Any) -> None:
        super().__init__('PQ', classwise, **kwargs)
