"""What dependencies print at import and no user needs to read."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, TextIO

# mmdet and mmseg, twice each, without a package that only their vendor's own data sets need.
UNWANTED = 'Could not import OneDL'


@contextmanager
def without_notices() -> Iterator[None]:
    """Keep the unwanted lines off stdout and stderr; everything else passes as it comes."""
    with redirect_stdout(_Filter(sys.stdout)), warnings.catch_warnings():
        # mmdet, about a metric that this project does not use.
        warnings.filterwarnings('ignore', 'faster_coco_eval is not installed')
        yield


class _Filter:
    """A stream without the lines of ``print`` that start as the unwanted one does.

    Loggers made meanwhile keep it, so it stays usable as the stream that it wraps.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._skipped = False

    def write(self, text: str) -> int:
        # print writes its text and the line's end apart.
        skip = text.startswith(UNWANTED) or (self._skipped and text == '\n')
        self._skipped = skip and text != '\n'
        return len(text) if skip else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
