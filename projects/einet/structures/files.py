"""Results on disk: written in one step, so that ranks may write the same file."""

import uuid
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray


def write_file(path: Path, content: bytes) -> None:
    """Write in one step: a reader, or a second writer, never meets half a file.

    Args:
        path: of the file; its folder is made when missing.
        content: of the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f'.{path.name}.{uuid.uuid4().hex}')
    try:
        draft.write_bytes(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def write_png(path: Path, image: NDArray[np.generic]) -> None:
    """Write an image in one step.

    Args:
        path: of the file; its folder is made when missing.
        image: (H, W) uint8 or uint16, or (H, W, 3) uint8 in BGR.
    """
    _, content = cv2.imencode('.png', image)
    write_file(path, content.tobytes())
