"""Frames of a video file, of a folder of images, or of a camera, one after the other.

Shape shorthand:
    H, W: frame
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import mmcv
import numpy as np
from mmdet.apis.det_inferencer import IMG_EXTENSIONS

from ..structures.image_file import depth_note

_FPS = 25.0


class FrameSource:
    """Frames to iterate over once.

    Attributes:
        count: Number of frames that are expected; None for a camera.
        fps: Frames per second.
        problem: After the last frame: why there were fewer than expected; None if there were not.
    """

    def __init__(
        self,
        read: Callable[[], Iterator[np.ndarray]],
        count: int | None,
        fps: float,
        name: str,
    ) -> None:
        self._read = read
        self.count = count
        self.fps = fps
        self.name = name
        self.problem: str | None = None

    def __iter__(self) -> Iterator[np.ndarray]:
        """(H, W, 3) uint8 BGR frames."""
        read = 0
        for frame in self._read():
            yield frame
            read += 1
        if self.count is not None and read < self.count:
            self.problem = (
                f'{self.name}: {read} of {self.count} frames could be read; the file is damaged or '
                'cut off, or has fewer frames than its header says'
            )


def open_frames(source: str) -> FrameSource:
    """Frames of what a user names.

    Args:
        source: Video file, folder of images (taken by name, numbers in them by value), or number
            of a camera.

    Raises:
        FileNotFoundError: There is no such file or camera, or the folder holds no image.
        ValueError: The file is not a video that OpenCV can read.
    """
    path = Path(source)
    if path.is_dir():
        return _folder(path)
    if path.is_file():
        return _file(path)
    if source.isdecimal():
        return _camera(int(source))
    raise FileNotFoundError(f'there is no video or folder {source}')


def _folder(folder: Path) -> FrameSource:
    files = [p for p in folder.iterdir() if p.suffix.lower() in IMG_EXTENSIONS]
    if not files:
        raise FileNotFoundError(f'{folder} holds no image ({", ".join(IMG_EXTENSIONS)})')
    files.sort(key=_natural)

    def read() -> Iterator[np.ndarray]:
        is_told = False
        for file in files:
            # Files may disappear or be damaged: imread says None.
            note = depth_note(file)
            image = cv2.imread(str(file))
            if image is None:
                raise ValueError(f'{file} cannot be decoded as an image')
            if note and not is_told:
                # The others are as the first one.
                print(note)
                is_told = True
            yield image

    return FrameSource(read, len(files), _FPS, str(folder))


def _natural(path: Path) -> list[tuple[int, str]]:
    """Frame 2 before frame 10."""
    parts = re.findall(r'\d+|\D+', path.name)
    return [(int(part), '') if part.isdecimal() else (-1, part) for part in parts]


def _file(path: Path) -> FrameSource:
    reader = mmcv.VideoReader(str(path))
    if not reader.opened or reader.frame_cnt < 1 or reader.width < 1:
        raise ValueError(f'{path} is not a video that OpenCV can read')
    return FrameSource(lambda: iter(reader), reader.frame_cnt, reader.fps or _FPS, str(path))


def _camera(number: int) -> FrameSource:
    camera = cv2.VideoCapture(number)
    if not camera.isOpened():
        raise FileNotFoundError(f'there is no camera {number}, nor a file of that name')

    def read() -> Iterator[np.ndarray]:
        while True:
            found, frame = camera.read()
            if not found:
                return
            yield frame

    return FrameSource(read, None, camera.get(cv2.CAP_PROP_FPS) or _FPS, f'camera {number}')
