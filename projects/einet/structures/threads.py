"""OpenCV's threads, which do not survive a fork."""

from collections.abc import Iterator
from contextlib import contextmanager

import cv2


@contextmanager
def one_opencv_thread() -> Iterator[None]:
    """Let OpenCV use one thread, as each of several processes should.

    To be entered before the fork: a child that ends threads which its parent started waits for
    ever.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
