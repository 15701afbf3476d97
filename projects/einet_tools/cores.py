"""The cores that a program may use."""

from __future__ import annotations

import os


def allowed_cores() -> list[int]:
    """Numbers of the cores that this process may use."""
    if hasattr(os, 'sched_getaffinity'):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))
