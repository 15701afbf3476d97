"""One image with its annotation: everything that can be said without looking at the others."""

import os.path as osp
from collections import Counter
from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

from mmengine.dataset import Compose

from ...structures.segment_pixels import SegmentPixels, measure_segments
from ..rules import (
    Category,
    Finding,
    FindingError,
    image_findings,
    locate,
    png_findings,
    valid_segments,
)
from .files import read_image, read_segmentation
from .statistics import ids_at_stride, image_counts


class ImageJob(NamedTuple):
    """An image to check.

    Attributes:
        image: Complete entry of ``images``.
        annotation: Complete entry of ``annotations``, or None.
        index: Index in ``annotations``, or None.
        img_path: Path of the image.
        png_path: Path of the PNG, or None.
    """

    image: Mapping[str, Any]
    annotation: Mapping[str, Any] | None
    index: int | None
    img_path: str
    png_path: str | None


class ImageResult(NamedTuple):
    """What the check of an image gives.

    Attributes:
        path: Normalized path of the image.
        image_id: Id in the annotation file.
        digest: Hash of the image's bytes; None when it cannot be read.
        findings: What is wrong.
        index: Index in ``annotations``, or None.
        counts: Counts by class, see :mod:`.statistics`.
        num_pixels: Pixels of the PNG; 0 when there is none that can be read.
        pixels: Segments of the PNG; None when there is none, or with ``keep_pixels=False``.
    """

    path: str
    image_id: Hashable
    digest: bytes | None
    findings: list[Finding] = []
    index: int | None = None
    counts: Mapping[tuple[str, str], int] = {}
    num_pixels: int = 0
    pixels: SegmentPixels | None = None


def check_image(
    job: ImageJob,
    table: Mapping[Hashable, Category],
    resize: Compose | None = None,
    backend_args: dict[str, Any] | None = None,
    keep_pixels: bool = False,
) -> ImageResult:
    """Check an image, and its PNG against its segments.

    Args:
        job: What to check.
        table: Categories by id.
        resize: Resizing steps of the test pipeline.
        backend_args: Storage backend of :func:`mmengine.fileio.get`.
        keep_pixels: Whether the result keeps areas and boxes, to repair the annotation file.

    Returns:
        Findings, and what is summed up or compared over all images.
    """
    image, found = job.image, []
    size, digest = (image['height'], image['width']), None
    try:
        header, digest = read_image(job.img_path, backend_args)
        size = header.size
        found += locate(image_findings(header, image), file=job.img_path)
    except FindingError as error:
        found.append(error.finding)
    counts, pixels, visible = Counter(), None, set()
    if job.annotation is not None:
        segments = job.annotation['segments_info']
        try:
            id_map = read_segmentation(job.png_path, backend_args)
            pixels, visible = measure_segments(id_map), ids_at_stride(id_map, resize)
            of_png = png_findings(pixels, size, segments, job.img_path)
            found += locate(of_png, file=job.png_path)
        except FindingError as error:
            found.append(error.finding)
        counts = image_counts(valid_segments(segments), pixels, visible, table)
    return ImageResult(
        path=osp.normpath(job.img_path),
        image_id=image['id'],
        digest=digest,
        findings=locate(found, image_id=image['id']),
        index=job.index,
        counts=counts,
        num_pixels=0 if pixels is None else pixels.shape[0] * pixels.shape[1],
        pixels=pixels if keep_pixels else None,
    )
