"""Losses and scores of a training, from the log that mmengine writes."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

#: Steps and values of one quantity.
Series = list[tuple[int, float]]
_SCORES = ('PQ', 'PQ_th', 'PQ_st', 'AP', 'mIoU')


def read_curves(work_dir: Path) -> tuple[dict[str, Series], dict[str, Series]]:
    """Read the logs of a run, which has one more each time that it was resumed.

    Args:
        work_dir: Folder with ``<time stamp>/vis_data/scalars.json``.

    Returns:
        Losses by name, and scores by name; both empty without a log. Where a resumed run repeats
        steps, the later log counts. Lines that are incomplete are left out.
    """
    losses: dict[str, dict[int, float]] = defaultdict(dict)
    scores: dict[str, dict[int, float]] = defaultdict(dict)
    for path in sorted(work_dir.glob('*/vis_data/scalars.json')):
        for line in path.read_text(errors='replace').splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                # The last line of a run that was killed is incomplete.
                continue
            step = entry.get('step')
            for key, value in entry.items():
                name = key.rpartition('/')[2]
                if 'loss' in name:
                    losses[name][step] = value
                elif name in _SCORES:
                    scores[name][step] = value
    return _sorted(losses), _sorted(scores)


def draw_curves(losses: dict[str, Series], scores: dict[str, Series]) -> str:
    """Draw losses (logarithmic) and scores side by side.

    Args:
        losses: Series by name; those that never are above 0 are left out.
        scores: Series by name, percent.

    Returns:
        An SVG element.
    """
    figure = Figure(figsize=(11, 4), layout='constrained')
    left, right = figure.subplots(1, 2)
    for name, series in losses.items():
        if any(value > 0 for _, value in series):
            width = 2.5 if name == 'loss' else 1
            left.plot(*zip(*series, strict=True), label=name, linewidth=width)
    left.set(title='losses', xlabel='step', yscale='log')
    for name, series in scores.items():
        right.plot(*zip(*series, strict=True), label=name, marker='o', markersize=3)
    right.set(title='scores (percent)', xlabel='step', ylim=(0, 100))
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.set_xlim(left=0)
        if axes.lines:
            axes.legend(fontsize='small', loc='upper left', bbox_to_anchor=(1, 1), frameon=False)
    stream = io.StringIO()
    # Text stays text, and equal curves give equal files.
    with rc_context({'svg.fonttype': 'none', 'svg.hashsalt': 'einet'}):
        figure.savefig(stream, format='svg', metadata={'Date': None})
    return stream.getvalue().partition('<svg')[1] + stream.getvalue().partition('<svg')[2]


def _sorted(curves: dict[str, dict[int, float]]) -> dict[str, Series]:
    return {name: sorted(values.items()) for name, values in curves.items()}
