"""Folders for results are tried before the work, not after it."""

from __future__ import annotations

import tempfile
from pathlib import Path


def check_folder(folder: str | Path, setting: str) -> None:
    """Make a folder and write to it.

    Args:
        folder: That results will go to.
        setting: That names it, for the message.

    Raises:
        OSError: It cannot be made or written to.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f'{setting}: cannot write to {folder}: {error}') from error
