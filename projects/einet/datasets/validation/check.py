"""The whole check: annotation files, then all images in parallel, then what concerns several."""

import os.path as osp
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.fileio import join_path, load
from mmengine.utils import track_parallel_progress, track_progress
from numpy.typing import NDArray

from ...structures.segment_pixels import SegmentPixels
from .annotations import Record, check_layout, check_locations, pair_records
from .classes import ClassTable, class_table, compare_categories, compare_model
from .findings import Finding, Severity
from .images import ImageContext, ImageJob, ImageResult, check_image
from .overlap import ImageIdentity, repeated_images, shared_images
from .sources import Source, compare_sources, resize_steps
from .statistics import COLUMNS, check_counts


@dataclass
class SourceReport:
    """What the check of one annotation file gives.

    Attributes:
        source: what was checked.
        findings: what is wrong.
        content: of the annotation file; None when it cannot be used.
        table: classes; empty when the file cannot be used.
        counts: (C, 5) int64, see :mod:`.statistics`.
        num_pixels: of all PNGs that can be read.
        images: what they are compared by.
        pixels: segments of the PNGs by index of the annotation; empty unless kept.
    """

    source: Source
    findings: list[Finding]
    content: dict[str, Any] | None
    table: ClassTable
    counts: NDArray[np.int64]
    num_pixels: int
    images: list[ImageIdentity]
    pixels: dict[int, SegmentPixels]


def check_sources(
    config: Config, sources: Sequence[Source], workers: int, keep_pixels: bool = False
) -> tuple[list[Finding], list[SourceReport]]:
    """Check the data sets of a config, alone and against each other.

    Args:
        config: for the class counts of its model, and its test pipeline.
        sources: its data sets.
        workers: processes that read images; 1 = this one.
        keep_pixels: keep areas and boxes, to repair the annotation files.

    Returns:
        All findings, and one report per source.
    """
    found = compare_sources(sources)
    known = [source for source in sources if source.classes_known]
    if known:
        found += compare_model(config.get('model') or {}, known[0].things, known[0].stuff)
    resize = resize_steps(config)
    reports = [check_source(source, resize, workers, keep_pixels) for source in sources]
    for report in reports:
        found += report.findings
    return found + _check_overlap(reports), reports


def check_source(
    source: Source, resize: Compose | None, workers: int, keep_pixels: bool = False
) -> SourceReport:
    """Check one annotation file and its images.

    Args:
        source: what to check.
        resize: of the test pipeline.
        workers: processes that read images; 1 = this one.
        keep_pixels: keep areas and boxes.

    Returns:
        Its report.
    """
    dataset, found = source.dataset, source.check()
    content, problems = _read(source)
    if content is None:
        return _report(source, found + problems, None, ClassTable((), {}, 0), [], [])
    categories = content['categories']
    if source.classes_known:
        found += compare_categories(categories, source.things, source.stuff, dataset.ann_file)
    table = class_table(categories, source.things, source.stuff)
    records, problems = pair_records(content, dataset.test_mode, dataset.ann_file)
    found += problems + check_locations(records, dataset.image_file, dataset.ann_file)
    jobs = [_job(record, source) for record in records]
    context = ImageContext(table, resize, dataset.backend_args, keep_pixels)
    results = _run(jobs, context, workers, source)
    found += [finding for result in results for finding in result.findings]
    report = _report(source, found, content, table, jobs, results)
    report.findings += repeated_images(report.images)
    if any(result.counts is not None for result in results):
        report.findings += check_counts(report.counts, table)
    if not any(finding.severity is Severity.ERROR for finding in report.findings):
        report.findings += _load(source)
    report.findings = [replace(finding, split=source.name) for finding in report.findings]
    return report


def _read(source: Source) -> tuple[dict[str, Any] | None, list[Finding]]:
    """The content of the annotation file, None when it cannot be used; and why."""
    dataset = source.dataset
    try:
        content = load(dataset.ann_file, file_format='json', backend_args=dataset.backend_args)
    except (OSError, ValueError) as error:  # ValueError: not JSON, or not text
        message = f'{type(error).__name__}: {error}'
        return None, [Finding('annotation-file', message, dataset.ann_file)]
    problems = check_layout(content, dataset.test_mode, dataset.ann_file)
    return (None if problems else content), problems


def _load(source: Source) -> list[Finding]:
    """Load the annotations as training does: what this check does not know of shows here."""
    try:
        source.dataset.load_data_list()
    except Exception as error:  # whatever it is, training would stop with it
        message = f'{type(error).__name__}: {error}'
        return [Finding('loader', message, source.dataset.ann_file)]
    return []


def _job(record: Record, source: Source) -> ImageJob:
    dataset = source.dataset
    img_path = join_path(dataset.data_prefix['img'], dataset.image_file(record.image))
    if record.annotation is None:
        return ImageJob(record, img_path, None)
    png_path = osp.join(dataset.data_prefix['seg'], record.annotation['file_name'])
    return ImageJob(record, img_path, png_path)


def _run(
    jobs: list[ImageJob], context: ImageContext, workers: int, source: Source
) -> list[ImageResult]:
    """Check all images, in their order, with a progress bar on stderr."""
    print(f'{source.name}: {len(jobs)} images', file=sys.stderr, flush=True)
    check = partial(check_image, context=context)
    if workers == 1 or len(jobs) == 1:
        return track_progress(check, jobs, file=sys.stderr)
    return track_parallel_progress(
        check,
        jobs,
        min(workers, len(jobs)),
        # One thread per process, as in mmengine's dataloaders.
        initializer=cv2.setNumThreads,
        initargs=(1,),
        chunksize=4,
        file=sys.stderr,
    )


def _report(
    source: Source,
    found: list[Finding],
    content: dict[str, Any] | None,
    table: ClassTable,
    jobs: Sequence[ImageJob],
    results: Sequence[ImageResult],
) -> SourceReport:
    """Sum up the images."""
    counts = np.zeros((len(table.classes), len(COLUMNS)), np.int64)
    for result in results:
        if result.counts is not None:
            counts += result.counts
    return SourceReport(
        source=source,
        findings=[replace(finding, split=source.name) for finding in found],
        content=content,
        table=table,
        counts=counts,
        num_pixels=sum(height * width for height, width in (r.shape for r in results)),
        images=[
            ImageIdentity(osp.normpath(job.img_path), result.digest, job.record.image['id'])
            for job, result in zip(jobs, results, strict=True)
        ],
        pixels={
            job.record.index: result.pixels
            for job, result in zip(jobs, results, strict=True)
            if result.pixels is not None
        },
    )


def _check_overlap(reports: Sequence[SourceReport]) -> list[Finding]:
    """Images that are trained on and scored."""
    found = []
    for report in reports:
        if 'train' in report.source.splits:
            if len(report.source.splits) > 1:
                message = f'{report.source.name} are the same annotation file'
                file, split = report.source.dataset.ann_file, report.source.name
                found.append(Finding('split-overlap', message, file, split=split))
            continue
        for training in reports:
            if 'train' in training.source.splits:
                shared = shared_images(training.images, report.images)
                found += [replace(finding, split=report.source.name) for finding in shared]
    return found
