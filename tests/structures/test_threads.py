import cv2
import pytest

from einet.structures.threads import one_opencv_thread


def test_threads_come_back_also_after_an_error():
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    try:
        with pytest.raises(OSError), one_opencv_thread():
            assert cv2.getNumThreads() == 1
            raise OSError
        assert cv2.getNumThreads() == 2
    finally:
        cv2.setNumThreads(before)
