"""The whole check: annotation files, then all images in parallel, then what concerns several."""

import sys
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from mmengine.config import Config
from mmengine.utils import ProgressBar

from ...structures.parallel import run_parallel
from ...structures.segment_pixels import SegmentPixels
from ..panoptic import PanopticDataset
from ..rules import Category, Finding, Severity, category_table, locate
from ..rules.annotations import annotation_is_complete, image_problem
from .images import ImageJob, ImageResult, check_image
from .overlap import repeated_images, shared_images
from .sources import Source, compare_model, compare_sources, resize_steps
from .statistics import count_findings

# Findings that say nothing when the classes of the config are not known.
_COMPARISONS = ('class-only-in-config', 'class-only-in-file', 'thing-or-stuff')


@dataclass
class SourceReport:
    """What the check of one annotation file gives.

    Attributes:
        source: What was checked.
        findings: What is wrong.
        content: Annotation file's content; None when it cannot be used.
        table: Categories by id; empty when the file cannot be used.
        results: Results of the images.
        counts: Sums over the images, see :mod:`.statistics`.
    """

    source: Source
    findings: list[Finding]
    content: dict[str, Any] | None = None
    table: dict[Hashable, Category] = field(default_factory=dict)
    results: Sequence[ImageResult] = ()
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def num_pixels(self) -> int:
        """Pixels of all PNGs that can be read."""
        return sum(result.num_pixels for result in self.results)

    @property
    def pixels(self) -> dict[int, SegmentPixels]:
        """Segments of the PNGs by index of the annotation; empty unless kept."""
        return {r.index: r.pixels for r in self.results if r.pixels is not None}


def check_sources(
    config: Config, sources: Sequence[Source], workers: int, keep_pixels: bool = False
) -> tuple[list[Finding], list[SourceReport]]:
    """Check the data sets of a config, alone and against each other.

    Args:
        config: Config with the class counts of its model, and its test pipeline.
        sources: Data sets of the config.
        workers: Processes that read images; 1 = this one.
        keep_pixels: Keep areas and boxes, to repair the annotation files.

    Returns:
        All findings, and one report per source.
    """
    found = [*compare_sources(sources), *compare_model(config.get('model') or {}, sources)]
    resize = resize_steps(config)
    reports = [check_source(source, resize, workers, keep_pixels) for source in sources]
    for report in reports:
        found += report.findings
    return [*found, *_overlap_findings(reports)], reports


def check_source(
    source: Source, resize: Any, workers: int, keep_pixels: bool = False
) -> SourceReport:
    """Check one annotation file and its images.

    Args:
        source: What to check.
        resize: Resizing steps of the test pipeline, or None.
        workers: Processes that read images; 1 = this one.
        keep_pixels: Keep areas and boxes.

    Returns:
        Its report.
    """
    dataset, report = source.dataset, SourceReport(source, list(source.findings))
    content, found = _check_content(source)
    report.findings += found
    if content is not None:
        report.content = content
        report.table = category_table(dataset.file_categories(content), source.things, source.stuff)
        jobs = list(_jobs(content, dataset))
        report.findings += _link_findings(jobs, dataset)
        check = partial(
            check_image,
            table=report.table,
            resize=resize,
            backend_args=dataset.backend_args,
            keep_pixels=keep_pixels,
        )
        report.results = _run(check, jobs, workers, source.name)
        for result in report.results:
            report.findings += result.findings
            report.counts.update(result.counts)
        report.findings += repeated_images(report.results)
        if any(result.index is not None for result in report.results):
            classes = (*source.things, *source.stuff)
            report.findings += count_findings(
                report.counts, report.table, classes, report.num_pixels
            )
    if not any(finding.severity is Severity.ERROR for finding in report.findings):
        report.findings += _load(dataset)
    report.findings = locate(report.findings, split=source.name)
    return report


def _check_content(source: Source) -> tuple[Any, list[Finding]]:
    """The content of the annotation file, None when it cannot be used; and what is wrong."""
    dataset = source.dataset
    try:
        content = dataset.read()
    except (OSError, ValueError) as error:
        return None, [Finding('annotation-file', str(error), dataset.ann_file)]
    found = locate(dataset.findings(content), file=dataset.ann_file)
    if not source.classes_known:
        found = [finding for finding in found if finding.kind not in _COMPARISONS]
    unusable = any(finding.kind == 'annotation-file' for finding in found)
    return None if unusable else content, found


def _jobs(content: Mapping[str, Any], dataset: PanopticDataset) -> Iterator[ImageJob]:
    """All complete images, each id once, with their complete annotations; the first ones count."""
    annotations: dict[Hashable, tuple[int, Mapping[str, Any]]] = {}
    for index, annotation in enumerate(content.get('annotations', [])):
        if annotation_is_complete(annotation):
            annotations.setdefault(annotation['image_id'], (index, annotation))
    images: dict[Hashable, Mapping[str, Any]] = {}
    for image in content['images']:
        if not image_problem(image):
            images.setdefault(image['id'], image)
    for image_id, image in images.items():
        index, annotation = annotations.get(image_id, (None, None))
        png_path = None if annotation is None else dataset.seg_map_path(annotation)
        yield ImageJob(image, annotation, index, dataset.image_path(image), png_path)


def _link_findings(jobs: Sequence[ImageJob], dataset: PanopticDataset) -> Iterator[Finding]:
    for image, _, _, img_path, png_path in jobs:
        found = dataset.link_findings(img_path, png_path)
        yield from locate(found, file=dataset.ann_file, image_id=image['id'])


def _load(dataset: PanopticDataset) -> list[Finding]:
    """Load the annotations as training does: what no rule knows of shows here."""
    try:
        dataset.load_data_list()
    except Exception as error:  # whatever it is, training would stop with it
        return [Finding('loader', f'{type(error).__name__}: {error}', dataset.ann_file)]
    return []


def _run(check: Any, jobs: Sequence[ImageJob], workers: int, name: str) -> Sequence[ImageResult]:
    """Check all images, in their order, with a progress bar on stderr."""
    print(f'{name}: {len(jobs)} images', file=sys.stderr, flush=True)
    progress, results = ProgressBar(len(jobs), file=sys.stderr), []
    for result in run_parallel(check, jobs, min(workers, len(jobs))):
        progress.update()
        results.append(result)
    print(file=sys.stderr)
    return results


def _overlap_findings(reports: Sequence[SourceReport]) -> Iterator[Finding]:
    """Images that are trained on and scored."""
    training = [report for report in reports if 'train' in report.source.splits]
    for report in reports:
        name = report.source.name
        if report not in training:
            for other in training:
                yield from locate(shared_images(other.results, report.results), split=name)
        elif len(report.source.splits) > 1:
            message = f'{name} are the same annotation file'
            yield Finding('split-overlap', message, report.source.dataset.ann_file, split=name)
