"""Files: read from any storage, written in one step, so that ranks may write the same file."""

import uuid
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.fileio import get
from numpy.typing import NDArray


def read_png(path: str, backend_args: dict[str, Any] | None = None) -> NDArray[Any] | None:
    """Read an image with the bits and channels that it has.

    Args:
        path: Image file.
        backend_args: Storage backend of :func:`mmengine.fileio.get`.

    Returns:
        (H, W) or (H, W, 3 or 4) array, BGR or BGRA; None when it is empty, truncated, or no image.

    Raises:
        FileNotFoundError: There is no such file.
    """
    content = get(path, backend_args=backend_args)
    # OpenCV fails on an empty buffer instead of returning None.
    if not content:
        return None
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)


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


def write_png(path: Path, image: NDArray[np.integer]) -> None:
    """Write an image in one step.

    Args:
        path: of the file; its folder is made when missing.
        image: (H, W) uint8 or uint16, or (H, W, 3 or 4) uint8 in BGR or BGRA.
    """
    _, content = cv2.imencode('.png', image)
    write_file(path, content.tobytes())
