"""One picture with its annotation: everything that can be said without looking at the others."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from mmengine.dataset import Compose
from numpy.typing import NDArray

from .annotations import Record
from .classes import ClassTable
from .files import DefectError, PictureFile, read_picture, read_segmentation
from .findings import Finding
from .maps import SegmentPixels, compare_map, ids_at_stride, measure_segments
from .segments import check_segments
from .statistics import picture_counts


class PictureJob(NamedTuple):
    """A picture to check.

    Attributes:
        record: entries of the annotation file.
        img_path: of the picture.
        png_path: of its PNG; None without annotation.
    """

    record: Record
    img_path: str
    png_path: str | None


class PictureContext(NamedTuple):
    """What all pictures of a data set share.

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


class PictureResult(NamedTuple):
    """What the check of a picture gives.

    Attributes:
        findings: what is wrong.
        digest: of the picture's bytes; None when it cannot be read.
        counts: (C, 5) int64, see :mod:`.statistics`; None without annotation.
        shape: (H, W) of the PNG, (0, 0) when there is none that can be read.
        pixels: segments of the PNG; None when there is none, or with ``keep_pixels=False``.
    """

    findings: list[Finding]
    digest: bytes | None
    counts: NDArray[np.int64] | None
    shape: tuple[int, int]
    pixels: SegmentPixels | None


def check_picture(job: PictureJob, context: PictureContext) -> PictureResult:
    """Check a picture, its PNG and its segments.

    Args:
        job: the picture.
        context: of its data set.

    Returns:
        Findings, and what is summed up or compared over all pictures.
    """
    image, annotation, _ = job.record
    found: list[Finding] = []
    picture = _try_to_read(read_picture, job.img_path, context, found)
    if picture is not None:
        found += _check_file(picture, image, job.img_path)
    digest = None if picture is None else picture.digest
    if annotation is None or job.png_path is None:
        return PictureResult(_name(found, '', image), digest, None, (0, 0), None)

    segments, of_segments = check_segments(annotation['segments_info'], context.table)
    id_map = _try_to_read(read_segmentation, job.png_path, context, found)
    pixels, visible = None, None
    if id_map is not None:
        pixels = measure_segments(id_map)
        visible = ids_at_stride(id_map, context.resize)
        expected = (image['height'], image['width']) if picture is None else picture.size
        of_segments += _check_map(pixels, expected, annotation['segments_info'], segments)
    found += _name(of_segments, job.png_path, image)
    counts = picture_counts(segments, pixels, visible, context.table)
    shape = (0, 0) if pixels is None else pixels.shape
    kept = pixels if context.keep_pixels else None
    return PictureResult(_name(found, '', image), digest, counts, shape, kept)


def _try_to_read(read: Any, path: str, context: PictureContext, found: list[Finding]) -> Any:
    """The file's content, or None and one finding more."""
    try:
        return read(path, context.backend_args)
    except DefectError as error:
        found.append(Finding(error.kind, error.message, path))
        return None


def _check_file(picture: PictureFile, image: Mapping[str, Any], path: str) -> list[Finding]:
    """The picture against its entry in ``images``."""
    found = []
    said = image['height'], image['width']
    if picture.size != said:
        message = f'it is {_size(picture.size)}, the annotation says {_size(said)}'
        if picture.turned:
            message += '; its EXIF orientation turns it when it is loaded'
        found.append(Finding('picture-size', message, path))
    if picture.depth:
        found.append(Finding('picture-depth', f'PIL mode {picture.depth}', path))
    return found


def _check_map(
    pixels: SegmentPixels,
    expected: tuple[int, int],
    listed: Sequence[Any],
    segments: Sequence[Mapping[str, Any]],
) -> list[Finding]:
    """The PNG against the picture's size and the segments of the annotation."""
    found = []
    if pixels.shape != expected:
        message = f'it is {_size(pixels.shape)}, the picture {_size(expected)}'
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
