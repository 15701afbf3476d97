"""Files: read from any storage, written in one step, so that nobody meets half a file."""

import json
import tempfile
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.fileio import get
from numpy.typing import NDArray

from .image_file import check_size, png_size
from .limits import MAX_JSON_BYTES


def read_png(path: str, backend_args: dict[str, Any] | None = None) -> NDArray[Any] | None:
    """Read an image with the bits and channels that it has.

    Args:
        path: Image file.
        backend_args: Storage backend of :func:`mmengine.fileio.get`.

    Returns:
        (H, W) or (H, W, 3 or 4) array, BGR or BGRA; None when it is empty, truncated, or no image.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: Its header says more pixels than the limit.
    """
    content = get(path, backend_args=backend_args)
    # OpenCV fails on an empty buffer instead of returning None.
    if not content:
        return None
    if size := png_size(content):
        try:
            check_size(*size)
        except ValueError as error:
            raise ValueError(f'{path}: {error}') from error
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)


def write_file(path: Path, content: bytes) -> None:
    """Write a file, in place of the one that may be there.

    Args:
        path: File to write; its folder is made when missing.
        content: Bytes to write.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f'.{path.name}.{uuid.uuid4().hex}')
    try:
        draft.write_bytes(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def remove_drafts(folder: Path, pattern: str = '*') -> None:
    """Remove what :func:`write_file` leaves behind when its process is killed.

    Args:
        folder: Folder in which nobody writes now.
        pattern: Names of the files that were to be written, as in :meth:`Path.glob`.
    """
    for draft in folder.glob(f'.{pattern}.' + '[0-9a-f]' * 32):
        draft.unlink(missing_ok=True)


def write_new(path: Path, content: bytes) -> None:
    """Write a file that must replace no other.

    Args:
        path: File to write; its folder is made when missing.
        content: Bytes to write; a file that has them already is left alone.

    Raises:
        FileExistsError: A file with another content is there.
    """
    if not path.exists():
        write_file(path, content)
    elif path.read_bytes() != content:
        raise FileExistsError(f'{path} exists with another content; move it away')


def write_png(path: Path, image: NDArray[np.integer]) -> None:
    """Write an image.

    Args:
        path: File to write; its folder is made when missing.
        image: (H, W) uint8 or uint16, or (H, W, 3) uint8 in BGR.
    """
    write_file(path, encode_png(image))


def encode_png(image: NDArray[np.integer]) -> bytes:
    """Encode an image as :func:`write_png` writes it.

    Args:
        image: (H, W) uint8 or uint16, or (H, W, 3) uint8 in BGR.

    Returns:
        Content of the PNG.
    """
    _, content = cv2.imencode('.png', image)
    return content.tobytes()


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Args:
        path: File to read.

    Returns:
        Its content.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not JSON, or it is nested or large beyond all measure.
    """
    if path.is_file() and path.stat().st_size > MAX_JSON_BYTES:
        raise ValueError(f'{path} has more than {MAX_JSON_BYTES} bytes')
    try:
        return json.loads(path.read_text())
    except FileNotFoundError as error:
        raise FileNotFoundError(f'{path} does not exist') from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f'{path} is not JSON or is cut off: {error}') from error


def check_overwrite(outputs: Iterable[Path], inputs: Iterable[Path], setting: str) -> None:
    """Refuse to write over what is to be read, also by way of a link.

    Args:
        outputs: Files or folders to write.
        inputs: Files or folders to read.
        setting: Option or key that names the outputs, for the message.

    Raises:
        ValueError: One is both.
    """
    read = {path.resolve() for path in inputs}
    for path in outputs:
        if path.resolve() in read:
            raise ValueError(
                f'{setting}: {path} is an input and would be overwritten; name another place'
            )


def check_file(path: Path, suffix: str, setting: str) -> None:
    """See that a file can be written, before work whose result it holds.

    Args:
        path: File of the result; its folder is made when missing.
        suffix: What its name must end in.
        setting: Option or key that names it, for the message.

    Raises:
        OSError: Its folder cannot be made or written to.
        ValueError: It has another suffix, or is a folder.
    """
    if path.suffix.lower() != suffix:
        raise ValueError(f'{setting}: {path} must be a {suffix} file')
    if path.is_dir():
        raise ValueError(f'{setting}: {path} is a folder: name a file in it')
    check_folder(path.parent, setting)


def check_folder(folder: str | Path, setting: str) -> None:
    """Make a folder and write to it, before work whose results go there.

    Args:
        folder: Folder of the results.
        setting: Option or key that names it, for the message.

    Raises:
        OSError: It cannot be made or written to.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f'{setting}: cannot write to {folder}: {error}') from error
