"""Scores of several configs over several seeds: mean, spread, paired difference.

Scores come as config -> seed -> name -> value; the first config is the reference.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .score_table import COLUMNS

_RESAMPLES = 10_000
# Scores, and what compare.py reads from a training's log: the largest cosine of two thing centers,
# and seconds per iteration. Both are small numbers.
_DIGITS = {**dict.fromkeys(COLUMNS, 1), 'cosine': 2, 'step': 2}

Scores = Mapping[str, Mapping[int, Mapping[str, float | None]]]


def compare_scores(scores: Scores) -> dict[str, dict[str, dict[str, Any]]]:
    """Statistics of each config and column.

    Args:
        scores: All runs' scores.

    Returns:
        config -> column -> ``values`` (by seed), ``mean``, ``std`` (of the sample; None with one
        seed), and except for the reference ``difference`` and ``interval``: mean and 95 % bootstrap
        interval of the difference from the reference, over the seeds that both have.
    """
    reference = next(iter(scores))
    return {
        config: {
            column: _statistics(
                _column(runs, column),
                None if config == reference else _column(scores[reference], column),
            )
            for column in _DIGITS
            if _column(runs, column)
        }
        for config, runs in scores.items()
    }


def format_table(comparison: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """A Markdown table, one row per config: mean +- spread (difference from the first row)."""
    columns = [c for c in _DIGITS if any(c in row for row in comparison.values())]
    lines = [
        f'| config | seeds | {" | ".join(columns)} |',
        f'|---|---|{"---|" * len(columns)}',
    ]
    for config, row in comparison.items():
        seeds = max((len(cell['values']) for cell in row.values()), default=0)
        cells = ' | '.join(_cell(row[c], _DIGITS[c]) if c in row else '-' for c in columns)
        lines.append(f'| {config} | {seeds} | {cells} |')
    return '\n'.join(lines) + '\n'


def paired_interval(differences: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean of paired differences.

    Args:
        differences: One per seed, at least one.
        level: Share of the resampled means inside the interval.

    Returns:
        Lower and upper end; the same resamples every time.
    """
    values = np.asarray(differences, float)
    picks = np.random.default_rng(0).integers(len(values), size=(_RESAMPLES, len(values)))
    tail = (1 - level) / 2
    low, high = np.quantile(values[picks].mean(axis=1), (tail, 1 - tail))
    return float(low), float(high)


def _column(runs: Mapping[int, Mapping[str, float | None]], name: str) -> dict[int, float]:
    """Value by seed, of the seeds where it was measured."""
    return {seed: run[name] for seed, run in sorted(runs.items()) if run.get(name) is not None}


def _statistics(
    values: Mapping[int, float], reference: Mapping[int, float] | None
) -> dict[str, Any]:
    array = np.array(list(values.values()))
    result: dict[str, Any] = {
        'values': dict(values),
        'mean': float(array.mean()),
        'std': float(array.std(ddof=1)) if len(array) > 1 else None,
    }
    shared = sorted(values.keys() & reference.keys()) if reference else []
    if shared:
        differences = [values[seed] - reference[seed] for seed in shared]
        result['difference'] = float(np.mean(differences))
        result['interval'] = paired_interval(differences)
    return result


def _cell(cell: Mapping[str, Any], digits: int) -> str:
    text = f'{cell["mean"]:.{digits}f}'
    if cell['std'] is not None:
        text += f' ± {cell["std"]:.{digits}f}'
    if 'difference' in cell:
        text += f' ({cell["difference"]:+.{digits}f})'
    return text
