"""From models and a data set to a report: runs the networks, draws, counts, writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import mmcv
import numpy as np
from mmengine.dataset import BaseDataset
from numpy.typing import NDArray

from ..evaluation.classes import PanopticClasses
from ..evaluation.measures.pq import class_quality
from ..evaluation.measures.pq_matching import PQStatistics, match_segments
from ..evaluation.sample import EvaluatedSample
from ..models.detector import PanopticDetector
from ..structures.panoptic_ids import decode_labels
from ..structures.segments import NONE, GroundTruthSegments
from ..visualization import NetworkView, run_network
from .errors import ERRORS, Fate
from .examine import ImageResult, examine
from .layers import TruthMap, hover_map, pred_rows, segment_boxes
from .page import (
    LAYERS,
    Page,
    largest_confusions,
    remove_report,
    write_layers,
    write_report,
    write_segments,
)
from .scores import class_scores, confusion_matrix, group_scores, image_pq, size_scores

#: Names of the runs that are compared; the report is about the first.
RUNS = ('A', 'B')


class ReportBuilder:
    """Adds images one by one, then writes the page.

    Args:
        folder: Report's folder; an earlier report in it is removed.
        dataset: Images with ground truth, as the models are tested on them.
        models: One, or two to compare.
        box: Longer side of the drawings.
    """

    def __init__(
        self, folder: Path, dataset: BaseDataset, models: list[PanopticDetector], box: int
    ) -> None:
        self.folder, self.dataset, self.box = folder, dataset, box
        self.models = dict(zip(RUNS, models, strict=False))
        self.classes = PanopticClasses.from_metainfo(dataset.metainfo)
        self.results: dict[str, list[ImageResult]] = {run: [] for run in self.models}
        self.entries: list[dict[str, Any]] = []
        remove_report(folder)

    def add(self, index: int) -> None:
        """Run the networks on an image, and draw it.

        Args:
            index: Number of the image in the data set.
        """
        data = self.dataset[index]
        views = {run: run_network(model, data) for run, model in self.models.items()}
        samples = {
            run: EvaluatedSample(view.sample.to_dict(), self.classes) for run, view in views.items()
        }
        results = {run: examine(sample) for run, sample in samples.items()}
        image = mmcv.imread(views['A'].sample.img_path, channel_order='rgb')
        truth = TruthMap(image, samples['A'], self.dataset.metainfo, self.box)
        folder = Path('images', f'{len(self.entries):06d}')
        write_layers(self.folder / folder, _layers(truth, views, samples, results))
        write_segments(
            self.folder / folder, segments_content(truth.rows, samples['A'], results['A'])
        )
        entry = dict(name=results['A'].name, folder=folder.as_posix(), size=truth.size)
        entry |= {run: _summary(result) for run, result in results.items()}
        if 'B' in samples:
            maps = [samples[run].pred_map for run in RUNS]
            entry['agreement'] = agreement(*maps, num_classes=len(self.classes))
        self.entries.append(entry)
        for run, result in results.items():
            self.results[run].append(result)

    def finish(self, title: str, runs: Mapping[str, str], curves: Mapping[str, str]) -> Path:
        """Write the page.

        Args:
            title: Heading.
            runs: What was compared, in words.
            curves: SVG of each run that has a log.

        Returns:
            The file to open.
        """
        scores = {run: class_scores(results, self.classes) for run, results in self.results.items()}
        first = self.results['A']
        page = Page(
            title=title,
            runs=runs,
            num_images=len(first),
            groups={run: group_scores(own, self.classes) for run, own in scores.items()},
            class_rows=self._class_rows({run: own.columns for run, own in scores.items()}),
            class_columns=[*scores['A'].columns, *(['PQ of B', 'B - A'] if 'B' in scores else [])],
            size_rows=size_scores(first, self.classes),
            errors={run: _count_fates(results) for run, results in self.results.items()},
            confusion=largest_confusions(
                confusion_matrix(first, len(self.classes)), self.classes.names
            ),
            curves=curves,
        )
        shown = [name for name in LAYERS if 'B' in self.models or not name.startswith('other')]
        data = dict(
            classes=self.classes.names,
            errors=ERRORS,
            layers=[dict(key=name, title=LAYERS[name]) for name in shown],
            images=self.entries,
        )
        return write_report(self.folder, page, data)

    def _class_rows(self, columns: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
        rows = []
        for label, name in enumerate(self.classes.names):
            kind = 'thing' if label in self.classes.thing_labels else 'stuff'
            row = dict(label=label, name=name, kind=kind)
            row |= {key: values[label].item() for key, values in columns['A'].items()}
            if 'B' in columns:
                other = columns['B']['PQ'][label].item()
                row |= {'PQ of B': other, 'B - A': other - row['PQ']}
            rows.append(row)
        return rows


def agreement(first: NDArray[np.integer], second: NDArray[np.integer], num_classes: int) -> float:
    """How alike two predictions are: PQ of one, with the other as ground truth.

    Args:
        first: (H, W) panoptic ids, void = C.
        second: (H, W) panoptic ids, void = C.
        num_classes: C.

    Returns:
        Percent; 100 when both are void alone.
    """
    ids = np.unique(first)
    labels = decode_labels(ids.astype(np.int64), num_classes)
    named = labels != NONE
    # As ids of a ground truth, where 0 is void.
    truth = GroundTruthSegments(ids[named] + 1, labels[named], np.zeros(named.sum(), bool))
    is_void = first % 1000 == num_classes
    matches = match_segments(np.where(is_void, 0, first + 1), truth, second, num_classes)
    value = image_pq(matches.statistics(num_classes))
    return 100.0 if np.isnan(value) else value


def segments_content(
    rows: NDArray[np.int64], sample: EvaluatedSample, result: ImageResult
) -> dict[str, Any]:
    """What hovering an image says.

    Args:
        rows: (H, W) rows of the ground truth's segments, NONE where void.
        sample: Prediction and ground truth.
        result: What became of the segments.

    Returns:
        See :func:`.layers.hover_map`; and by row, ``truth`` and ``prediction``: ``label``,
        ``area``, ``fate``, ``iou`` with its ``partner`` and ``box``, and ``score`` of instances.
    """
    matches, explanation = result.matches, result.explanation
    predicted = pred_rows(sample.pred_map, result)
    instances = sample.instances
    scores = dict(
        zip(instances.panoptic_ids.tolist(), instances.scores.round(3).tolist(), strict=True)
    )
    truth = _segment_rows(
        matches.gt.labels,
        matches.gt_areas,
        (explanation.gt_fates, explanation.gt_partners, explanation.gt_ious),
        segment_boxes(rows, len(matches.gt.ids)),
    )
    prediction = _segment_rows(
        matches.pred_labels,
        matches.pred_areas,
        (explanation.pred_fates, explanation.pred_partners, explanation.pred_ious),
        segment_boxes(predicted, len(matches.pred_ids)),
    )
    for row, panoptic_id in zip(prediction, matches.pred_ids.tolist(), strict=True):
        row['score'] = scores.get(panoptic_id)
    return hover_map(rows, predicted) | dict(truth=truth, prediction=prediction)


def _segment_rows(
    labels: NDArray[np.int64],
    areas: NDArray[np.int64],
    explained: tuple[list[Fate], NDArray[np.int64], NDArray[np.float64]],
    boxes: list[list[float]],
) -> list[dict[str, Any]]:
    fates, partners, ious = explained
    columns = (labels.tolist(), areas.tolist(), fates, partners.tolist(), ious.round(3).tolist())
    return [
        dict(label=label, area=area, fate=fate, partner=partner, iou=iou, box=box)
        for label, area, fate, partner, iou, box in zip(*columns, boxes, strict=True)
    ]


def _layers(
    truth: TruthMap,
    views: Mapping[str, NetworkView],
    samples: Mapping[str, EvaluatedSample],
    results: Mapping[str, ImageResult],
) -> dict[str, NDArray[np.uint8]]:
    pred_map = samples['A'].pred_map
    layers = truth.draw() | truth.draw_prediction(pred_map, results['A'])
    layers |= truth.draw_maps(views['A'], pred_map)
    if 'B' in samples:
        drawn = truth.draw_prediction(samples['B'].pred_map, results['B'])
        layers |= {f'other_{name}': layer for name, layer in drawn.items()}
    return layers


def _summary(result: ImageResult) -> dict[str, Any]:
    """PQ and errors of an image and of its classes, for the page's script."""
    statistics: PQStatistics = result.statistics
    by_class = 100 * class_quality(statistics).pq
    return dict(
        pq=round(image_pq(statistics), 2),
        classes=dict(zip(statistics.labels.tolist(), by_class.round(2).tolist(), strict=True)),
        errors=_count_fates([result]),
        class_errors=_class_errors(result),
    )


def _class_errors(result: ImageResult) -> dict[int, dict[str, int]]:
    """Errors of each class by kind, where there are any; a wrong class is an error of both."""
    matches, explanation = result.matches, result.explanation
    pairs = [*zip(matches.gt.labels.tolist(), explanation.gt_fates, strict=True)]
    pairs += [
        (label, fate)
        for label, fate in zip(matches.pred_labels.tolist(), explanation.pred_fates, strict=True)
        if fate in (Fate.INVENTED, Fate.WRONG)
    ]
    counts: dict[int, dict[str, int]] = {}
    for (label, fate), count in Counter(pairs).items():
        if fate in ERRORS:
            counts.setdefault(label, {})[fate] = count
    return counts


def _count_fates(results: Iterable[ImageResult]) -> dict[str, int]:
    """Segments by fate; a pair counts once."""
    counts: Counter[str] = Counter()
    for result in results:
        counts.update(result.explanation.gt_fates)
        counts[Fate.INVENTED] += result.explanation.pred_fates.count(Fate.INVENTED)
    return {fate: counts[fate] for fate in (Fate.FOUND, *ERRORS)}
