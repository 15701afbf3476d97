"""The scores of a test as one table and one JSON file."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from terminaltables import AsciiTable

from ..structures.files import write_file
from .measures.base import cells

#: What a paper's table has, in its order.
COLUMNS = ('PQ', 'PQ_th', 'PQ_st', 'SQ', 'RQ', 'AP', 'mIoU')


def select_scores(metrics: Mapping[str, float]) -> dict[str, float]:
    """The columns that were measured.

    Args:
        metrics: Evaluator's values by ``<prefix>/<name>`` or ``<name>``.

    Returns:
        Values by column; by the whole key where several metrics have a value of that name.
    """
    scores = {}
    for column in COLUMNS:
        keys = [key for key in metrics if key == column or key.split('/')[1:] == [column]]
        scores |= {column if len(keys) == 1 else key: float(metrics[key]) for key in keys}
    return scores


def score_table(scores: Mapping[str, float]) -> str:
    """Draw one row of scores.

    Args:
        scores: Percent by column; NaN shows as ``-``.

    Returns:
        Lines of text.
    """
    return AsciiTable([list(scores), cells(list(scores.values()))]).table


def write_scores(path: Path, metrics: Mapping[str, Any], **about: Any) -> None:
    """Write ``scores`` (the table) and ``metrics`` (everything) as JSON.

    Args:
        path: JSON file.
        metrics: Evaluator's values. What is not finite becomes null: JSON knows no NaN.
        **about: What else to write down, such as the checkpoint.
    """
    content = about | dict(scores=select_scores(metrics), metrics=dict(metrics))
    write_file(path, json.dumps(_finite(content), indent=2, allow_nan=False).encode())


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    # Other metrics may return numpy's and torch's numbers.
    return _finite(value.item()) if hasattr(value, 'item') else value
