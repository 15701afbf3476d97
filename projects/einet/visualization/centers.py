"""A figure of the semantic centers: where the pixels of each class are, and where its center is.

Shape shorthand:
    N: pixels
    C: categories, C_th of them things (first)
    D: embedding width
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_SHOWN = 20  # classes that a legend can name
_WRITTEN = 12  # centers whose cosines fit their cells as numbers


def plot_centers(
    pixels: np.ndarray,
    labels: np.ndarray,
    centers: np.ndarray,
    seen: np.ndarray,
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
    title: str = '',
) -> np.ndarray:
    """Draw pixels' embeddings with their classes' centers, and the cosines between the centers.

    Left, directions alone count: pixels and centers have length 1, and are seen along the two
    principal components of the pixels (centers are crosses). Right, one row and column for each
    center that has been seen.

    Args:
        pixels: S at some pixels, (N, D) float, N at least 2.
        labels: (N,) int in [0, C).
        centers: Q, (C, D) float.
        seen: (C,) bool, centers that have a value.
        classes: C names.
        palette: C colors, RGB in 0 to 255.
        title: What the figure shows.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    figure = Figure(figsize=(11, 5), layout='constrained')
    canvas = FigureCanvasAgg(figure)
    figure.suptitle(title)
    left, right = figure.subplots(1, 2, width_ratios=(1.2, 1))
    colors = np.asarray(palette, float) / 255
    kept = np.flatnonzero(seen)
    directions = _unit(centers[kept])
    _scatter(left, _unit(pixels), labels, directions, kept, classes, colors)
    if len(kept):
        _matrix(right, directions @ directions.T, [classes[c] for c in kept])
    else:
        right.set_axis_off()
    for _ in range(2):  # the first time finds out how large the names are
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _unit(vectors: np.ndarray) -> np.ndarray:
    vectors = vectors.astype(np.float64)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-12)


def _scatter(
    axes: Axes,
    pixels: np.ndarray,
    labels: np.ndarray,
    directions: np.ndarray,
    kept: np.ndarray,
    classes: Sequence[str],
    colors: np.ndarray,
) -> None:
    mean = pixels.mean(axis=0)
    components = np.linalg.svd(pixels - mean, full_matrices=False)[2][:2].T
    points, crosses = (pixels - mean) @ components, (directions - mean) @ components
    counts = np.bincount(labels, minlength=len(classes))
    named = set(np.argsort(-counts, kind='stable')[:_SHOWN].tolist())
    for label in np.flatnonzero(counts).tolist():
        of_class = points[labels == label]
        name = classes[label] if label in named else None
        axes.scatter(*of_class.T, s=3, color=colors[label], linewidths=0, label=name)
    for color, size in (('white', 5), ('black', 2)):
        axes.plot(*crosses.T, 'x', color=color, markersize=9, markeredgewidth=size)
    for cross, label in zip(crosses, kept.tolist(), strict=True):
        if label in named:
            axes.annotate(classes[label], cross, xytext=(5, 5), textcoords='offset points')
    axes.set(title='directions of S (points) and Q (crosses)', xticks=[], yticks=[])
    axes.set_aspect('equal', 'datalim')
    axes.legend(fontsize='small', markerscale=4, loc='center left', bbox_to_anchor=(1, 0.5))


def _matrix(axes: Axes, cosines: np.ndarray, names: list[str]) -> None:
    image = axes.imshow(cosines, vmin=-1, vmax=1, cmap='RdBu_r')
    axes.figure.colorbar(image, ax=axes, shrink=0.8)
    axes.set_title('cosine between two centers')
    ticks = range(len(names)) if len(names) <= _SHOWN else []
    axes.set_xticks(ticks, [names[i] for i in ticks], rotation=90, fontsize='small')
    axes.set_yticks(ticks, [names[i] for i in ticks], fontsize='small')
    if len(names) <= _WRITTEN:
        for (row, column), value in np.ndenumerate(cosines):
            color = 'white' if abs(value) > 0.6 else 'black'
            text = {'ha': 'center', 'va': 'center', 'fontsize': 'small', 'color': color}
            axes.text(column, row, f'{value:.2f}', **text)
