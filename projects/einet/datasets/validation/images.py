"""One image with its annotation: everything that can be said without looking at the others."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from mmengine.dataset import Compose
from numpy.typing import NDArray

from ...structures.image_file import ImageHeader
from ...structures.segment_pixels import SegmentPixels, measure_segments
from .annotations import Record
from .classes import ClassTable
from .files import DefectError, read_image, read_segmentation
from .findings import Finding
from .maps import compare_map, ids_at_stride
from .segments import check_segments
from .statistics import image_counts


class ImageJob(NamedTuple):
    """An image to check.

    Attributes:
        record: entries of the annotation file.
        img_path: of the image.
        png_path: of its PNG; None without annotation.
    """

    record: Record
    img_path: str
    png_path: str | None


class ImageContext(NamedTuple):
    """What all images of a data set share.

    Attributes:
        table: classes.
        resize: of the test pipeline.
        backend_args: storage backend of :func:`mmengine.fileio.get`.
        keep_pixels: whether results keep areas and boxes, to repair the annotation file.
    """

    table: ClassTable
    resize: Compose | None
    backend_args: dict[str, Any] | None
    keep_pixels: bool


class ImageResult(NamedTuple):
    """What the check of an image gives.

    Attributes:
        findings: what is wrong.
        digest: of the image's bytes; None when it cannot be read.
        counts: (C, 5) int64, see :mod:`.statistics`; None without annotation.
        shape: (H, W) of the PNG, (0, 0) when there is none that can be read.
        pixels: segments of the PNG; None when there is none, or with ``keep_pixels=False``.
    """

    findings: list[Finding]
    digest: bytes | None
    counts: NDArray[np.int64] | None
    shape: tuple[int, int]
    pixels: SegmentPixels | None


def check_image(job: ImageJob, context: ImageContext) -> ImageResult:
    """Check an image, its PNG and its segments.

    Args:
        job: the image.
        context: of its data set.

    Returns:
        Findings, and what is summed up or compared over all images.
    """
    image, annotation, _ = job.record
    found: list[Finding] = []
    image_file = _try_to_read(read_image, job.img_path, context, found)
    if image_file is not None:
        found += _check_file(image_file.header, image, job.img_path)
    digest = None if image_file is None else image_file.digest
    if annotation is None or job.png_path is None:
        return ImageResult(_name(found, '', image), digest, None, (0, 0), None)

    segments, of_segments = check_segments(annotation['segments_info'], context.table)
    id_map = _try_to_read(read_segmentation, job.png_path, context, found)
    pixels, visible = None, None
    if id_map is not None:
        pixels = measure_segments(id_map)
        visible = ids_at_stride(id_map, context.resize)
        said = image['height'], image['width']
        expected = said if image_file is None else image_file.header.size
        of_segments += _check_map(pixels, expected, annotation['segments_info'], segments)
    found += _name(of_segments, job.png_path, image)
    counts = image_counts(segments, pixels, visible, context.table)
    shape = (0, 0) if pixels is None else pixels.shape
    kept = pixels if context.keep_pixels else None
    return ImageResult(_name(found, '', image), digest, counts, shape, kept)


def _try_to_read(read: Any, path: str, context: ImageContext, found: list[Finding]) -> Any:
    """The file's content, or None and one finding more."""
    try:
        return read(path, context.backend_args)
    except DefectError as error:
        found.append(Finding(error.kind, error.message, path))
        return None


def _check_file(header: ImageHeader, image: Mapping[str, Any], path: str) -> list[Finding]:
    """The image against its entry in ``images``."""
    found = []
    said = image['height'], image['width']
    if header.size != said:
        message = f'it is {_size(header.size)}, the annotation says {_size(said)}'
        if header.turned:
            message += '; its EXIF orientation turns it when it is loaded'
        found.append(Finding('image-size', message, path))
    if header.depth:
        found.append(Finding('image-depth', f'PIL mode {header.depth}', path))
    return found


def _check_map(
    pixels: SegmentPixels,
    expected: tuple[int, int],
    listed: Sequence[Any],
    segments: Sequence[Mapping[str, Any]],
) -> list[Finding]:
    """The PNG against the image's size and the segments of the annotation."""
    found = []
    if pixels.shape != expected:
        message = f'it is {_size(pixels.shape)}, the image {_size(expected)}'
        found.append(Finding('png-size', message))
    if not len(pixels.ids):
        found.append(Finding('all-void', f'{len(segments)} segments in the annotation'))
    # An id that is listed in a wrong way is reported as that, and not as unknown as well.
    all_ids = {s['id'] for s in listed if isinstance(s, Mapping) and type(s.get('id')) is int}
    return found + compare_map(segments, all_ids, pixels)


def _name(found: Sequence[Finding], file: str, image: Mapping[str, Any]) -> list[Finding]:
    """The findings with file and image id, where they have none."""
    return [replace(f, file=f.file or file, image_id=image['id']) for f in found]


def _size(shape: tuple[int, int]) -> str:
    return f'{shape[1]} x {shape[0]} (width x height)'
