from pathlib import Path

import cv2
import numpy as np
import pytest

from einet.visualization.ground_truth import read_panoptic_seg

from .scenes import META


def write_png(path: Path, id_map: np.ndarray) -> str:
    channels = [id_map >> 16, id_map >> 8 & 255, id_map & 255]
    assert cv2.imwrite(str(path), np.stack(channels, -1).astype(np.uint8))
    return str(path)


def segment(segment_id: int, label: int, iscrowd: int = 0) -> dict:
    return dict(id=segment_id, category=label, is_thing=label < 2, iscrowd=iscrowd)


def test_things_are_numbered_and_void_and_crowd_are_void(tmp_path):
    # 70000 needs the third channel; 0 is void.
    id_map = np.array([[70000, 70000, 5, 0], [8, 300, 300, 9]])
    segments = [segment(9, 0, 1), segment(5, 1), segment(8, 3), segment(300, 1), segment(70000, 0)]
    drawn = read_panoptic_seg(write_png(tmp_path / 'a.png', id_map), segments, META)
    first, second, third = (int(drawn[i]) for i in ((0, 2), (1, 1), (0, 0)))
    assert [i % 1000 for i in (first, second, third)] == [1, 1, 0]
    assert len({i // 1000 for i in (first, second, third)} - {0}) == 3
    assert drawn.tolist() == [[third, third, first, 4], [3, second, second, 4]]


def test_an_id_that_is_not_listed_is_an_error_that_names_the_file(tmp_path):
    path = write_png(tmp_path / 'odd.png', np.array([[7, 8]]))
    with pytest.raises(ValueError, match=r'odd\.png.*\[8\]'):
        read_panoptic_seg(path, [segment(7, 2)], META)


def test_no_segments_at_all(tmp_path):
    path = write_png(tmp_path / 'void.png', np.zeros((2, 3), int))
    assert (read_panoptic_seg(path, [], META) == 4).all()
