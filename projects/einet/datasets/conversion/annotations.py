"""An annotation against its PNG, which has the last word on areas and boxes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...structures.id_map import read_id_map
from ...structures.segment_pixels import measure_segments
from .inputs import InputImage, check_size


def measure_annotation(
    png: Path, annotation: Mapping[str, Any], image: InputImage
) -> dict[str, Any]:
    """Check a PNG against its annotation, and measure areas and boxes.

    Args:
        png: Id-coded PNG.
        annotation: COCO's entry, with ``segments_info``.
        image: Image that it belongs to.

    Returns:
        The annotation with ``area`` and ``bbox`` from the PNG; segments without pixels are left
        out.

    Raises:
        FileNotFoundError: There is no such PNG.
        ValueError: It cannot be decoded, has another size, or ids that the annotation lacks.
    """
    id_map = read_id_map(str(png))
    check_size(png, id_map, image)
    listed = {segment['id']: segment for segment in annotation['segments_info']}
    measured = measure_segments(id_map).describe()
    unknown = [segment['id'] for segment in measured if segment['id'] not in listed]
    if unknown:
        raise ValueError(f'{png} has {len(unknown)} ids that its annotation lacks: {unknown[:10]}')
    return dict(annotation, segments_info=[listed[s['id']] | s for s in measured])
