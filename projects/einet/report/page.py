"""The folder that a browser opens: one page, its style and script, and a folder per image."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from ..structures.files import write_file
from .layers import FATE_COLORS

#: Titles of the layers, in the order of their buttons and keys.
LAYERS = {
    'image': 'image',
    'truth': 'ground truth',
    'prediction': 'prediction',
    'errors': 'errors',
    'heatmap': 'heatmap',
    'embedding': 'embedding',
    'other_prediction': 'prediction of B',
    'other_errors': 'errors of B',
}
_QUALITY = 80


@dataclass(frozen=True)
class Page:
    """What the page says beside its images.

    Args:
        title: Heading.
        runs: What was compared, by ``A`` and ``B``.
        num_images: Images.
        groups: See :func:`.scores.group_scores`, by run.
        class_rows: One per class: ``name``, ``kind`` and its scores.
        class_columns: Keys of the scores in ``class_rows``.
        size_rows: See :func:`.scores.size_scores`.
        errors: Numbers of segments by fate, by run.
        confusion: ``names`` and ``rows`` of a table, see :func:`largest_confusions`.
        curves: SVG of each run that has a log.
    """

    title: str
    runs: Mapping[str, str]
    num_images: int
    groups: Mapping[str, Mapping[str, Mapping[str, float]]]
    class_rows: Sequence[Mapping[str, Any]]
    class_columns: Sequence[str]
    size_rows: Sequence[Mapping[str, Any]]
    errors: Mapping[str, Mapping[str, int]]
    confusion: Mapping[str, Any]
    curves: Mapping[str, str]


def remove_report(folder: Path) -> None:
    """Remove an earlier report's page and images, and nothing that it did not write.

    Args:
        folder: Report's folder.
    """
    # The page first, so that none shows images of another report.
    for name in ('index.html', 'data.js'):
        (folder / name).unlink(missing_ok=True)
    names = [*(f'{name}.jpg' for name in LAYERS), 'segments.js']
    for image_folder in folder.glob('images/' + '[0-9]' * 6):
        if image_folder.is_symlink() or not image_folder.is_dir():
            continue
        for name in names:
            (image_folder / name).unlink(missing_ok=True)
        if not any(image_folder.iterdir()):
            image_folder.rmdir()


def write_layers(folder: Path, layers: Mapping[str, np.ndarray]) -> None:
    """Write the images of one image.

    Args:
        folder: Folder of the image.
        layers: RGB uint8 images by layer.
    """
    # Full color resolution: borders of one pixel would fade.
    options = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    for name, image in layers.items():
        _, content = cv2.imencode('.jpg', image[..., ::-1], options)
        write_file(folder / f'{name}.jpg', content.tobytes())


def write_segments(folder: Path, content: Mapping[str, Any]) -> None:
    """Write what hovering an image says; a script, because a page from disk may read no JSON."""
    write_script(folder / 'segments.js', 'einetSegments(', content, ')')


def write_script(path: Path, before: str, content: Any, after: str) -> None:
    """Write JSON inside a script; what is not finite becomes null."""
    text = json.dumps(_finite(content), allow_nan=False, separators=(',', ':'))
    write_file(path, f'{before}{text}{after};\n'.encode())


def write_report(folder: Path, page: Page, data: Mapping[str, Any]) -> Path:
    """Write the page around the images, which are there already.

    Args:
        folder: Report's folder.
        page: What the page says.
        data: What its script sorts and filters: ``classes``, ``layers``, ``images``.

    Returns:
        The file to open.
    """
    assets = resources.files('einet.report') / 'assets'
    for name in ('report.css', 'report.js'):
        with resources.as_file(assets / name) as source:
            shutil.copyfile(source, folder / name)
    write_script(folder / 'data.js', 'const REPORT = ', data, '')
    environment = Environment(
        loader=PackageLoader('einet.report', 'assets'),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters['score'] = lambda value: '-' if _is_missing(value) else f'{value:.1f}'
    environment.filters['key'] = lambda value: '' if _is_missing(value) else f'{float(value):.6g}'
    text = environment.get_template('index.html').render(
        page=page, layers=data['layers'], colors=FATE_COLORS
    )
    write_file(folder / 'index.html', text.encode())
    return folder / 'index.html'


def largest_confusions(matrix: np.ndarray, names: Sequence[str], limit: int = 15) -> dict[str, Any]:
    """The classes with the most unmatched segments, and the others together.

    Args:
        matrix: See :func:`.scores.confusion_matrix`.
        names: C class names.
        limit: Classes to show.

    Returns:
        ``names``, and ``rows`` with as many numbers and one more, for nothing at all.
    """
    counts = (matrix + matrix.T)[:-1].sum(axis=1)
    order = np.argsort(-counts, kind='stable')
    shown = np.sort(order[: min(limit, np.count_nonzero(counts))])
    rest = np.setdiff1d(np.flatnonzero(counts), shown)
    parts = [[label] for label in shown] + ([rest] if len(rest) else []) + [[len(names)]]
    rows = [[int(matrix[np.ix_(row, column)].sum()) for column in parts] for row in parts]
    titles = [names[label] for label in shown] + (['other classes'] if len(rest) else [])
    return dict(names=titles, rows=rows, largest=max(map(max, rows)))


def _is_missing(value: Any) -> bool:
    return value is None or math.isnan(value)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    if isinstance(value, np.generic):
        return _finite(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value
