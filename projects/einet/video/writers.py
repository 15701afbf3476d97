"""Frames to a video file, an animated GIF or a folder.

Shape shorthand:
    H, W: frame
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import cv2
import mmcv
import numpy as np
from PIL import Image

_CODECS = {'.mp4': 'mp4v', '.avi': 'MJPG'}


class Writer(Protocol):
    """What takes frames."""

    def write(self, frame: np.ndarray) -> None:
        """Add a frame, (H, W, 3) uint8 RGB.

        Raises:
            ValueError: Of a movie: its size is not that of the first.
        """


@contextlib.contextmanager
def open_writer(path: Path, fps: float) -> Iterator[Writer]:
    """Write frames for as long as the context lasts.

    Args:
        path: ``.mp4``, ``.avi`` or ``.gif`` file, or a folder for PNG images (no suffix).
        fps: Frames per second; a folder needs none.

    Raises:
        ValueError: Another kind of file, or OpenCV cannot write it.
    """
    suffix = path.suffix.lower()
    if suffix in _CODECS:
        writer: _Movie | _Gif | _Folder = _Movie(path, fps)
    elif suffix == '.gif':
        writer = _Gif(path, fps)
    elif not suffix:
        writer = _Folder(path)
    else:
        raise ValueError(f'{path}: a video is .mp4, .avi or .gif, a folder has no suffix')
    try:
        yield writer
    finally:
        writer.close()


class _Movie:
    """A file that OpenCV writes; opened with the first frame, which says how large it is."""

    def __init__(self, path: Path, fps: float) -> None:
        self.path, self.fps = path, fps
        self.movie: cv2.VideoWriter | None = None
        self.size, self.count = (0, 0), 0

    def write(self, frame: np.ndarray) -> None:
        size = frame.shape[1::-1]
        if self.movie is None:
            self.size = size
            self.path.parent.mkdir(parents=True, exist_ok=True)
            codec = cv2.VideoWriter.fourcc(*_CODECS[self.path.suffix.lower()])
            self.movie = cv2.VideoWriter(str(self.path), codec, self.fps, size)
            if not self.movie.isOpened():
                raise ValueError(f'OpenCV cannot write {self.path}; write .avi, or a folder')
        if size != self.size:
            # OpenCV would leave the frame out without a word.
            raise ValueError(
                f'{self.path}: frame {self.count} is {size[0]} x {size[1]}, the first '
                f'{self.size[0]} x {self.size[1]}: a movie has one size; write a folder of frames'
            )
        self.movie.write(np.ascontiguousarray(frame[..., ::-1]))
        self.count += 1

    def close(self) -> None:
        if self.movie is not None:
            self.movie.release()


class _Gif:
    """An animation, which is held in memory until it is complete."""

    def __init__(self, path: Path, fps: float) -> None:
        self.path, self.fps = path, fps
        self.frames: list[Image.Image] = []

    def write(self, frame: np.ndarray) -> None:
        self.frames.append(Image.fromarray(frame).quantize(128, dither=Image.Dither.NONE))

    def close(self) -> None:
        if self.frames:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            first, *others = self.frames
            first.save(
                self.path,
                save_all=True,
                append_images=others,
                duration=round(1000 / self.fps),
                loop=0,
            )


class _Folder:
    """000000.png, 000001.png, ..."""

    def __init__(self, path: Path) -> None:
        self.path, self.count = path, 0

    def write(self, frame: np.ndarray) -> None:
        mmcv.imwrite(frame[..., ::-1], str(self.path / f'{self.count:06d}.png'))
        self.count += 1

    def close(self) -> None:
        """Every frame is complete already."""
