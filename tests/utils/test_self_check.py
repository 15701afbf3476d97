import runpy
import shutil

import cv2
import numpy as np
import pytest

from einet.utils import self_check
from einet.utils.self_check import agreement, count_instances, segment_demo, stored_result
from tests.paths import ROOT

# 2 x 5 pixels: nucleus 1, nucleus 2, background (label 1), void (2).
EXPECTED = np.array([[1000, 1000, 1000, 2000, 1], [1000, 2000, 2000, 2000, 2]])


@pytest.mark.parametrize(
    ('found', 'share'),
    [
        (EXPECTED, 1.0),
        # Other numbers, in another order.
        ([[7000, 7000, 7000, 1000, 1], [7000, 1000, 1000, 1000, 2]], 1.0),
        # Both nuclei are one: it counts for one of them only.
        ([[3000, 3000, 3000, 3000, 1], [3000, 3000, 3000, 3000, 2]], 0.6),
        # A nucleus split in two: the larger part counts.
        ([[3000, 3000, 3000, 2000, 1], [4000, 2000, 2000, 2000, 2]], 0.9),
        # Of another class, and void where background was.
        ([[1001, 1001, 1001, 2000, 2], [1001, 2000, 2000, 2000, 2]], 0.5),
    ],
)
def test_agreement_of_results(found, share):
    assert agreement(np.array(found), EXPECTED) == share


def test_results_of_two_sizes_cannot_be_compared():
    with pytest.raises(ValueError, match='the prediction is'):
        agreement(EXPECTED[:, 1:], EXPECTED)


def test_instances_are_counted_and_segments_without_instances_are_not():
    assert count_instances(EXPECTED) == 2


@pytest.fixture(scope='module')
def drawing():
    """The demo's image drawn again, and which nucleus each pixel is of."""
    image, numbers = runpy.run_path(str(ROOT / 'demo' / 'draw_nuclei.py'))['draw_nuclei']()
    return image, np.where(numbers == 0, 1, 1000 * numbers)


def test_the_image_is_what_its_script_draws(drawing):
    shipped = cv2.imread(str(ROOT / self_check.IMAGE), cv2.IMREAD_UNCHANGED)
    assert np.abs(shipped.astype(int) - drawing[0]).max() <= 1


def test_the_stored_result_is_what_was_drawn(drawing):
    outlines = drawing[1]
    assert agreement(stored_result(), outlines) > 0.95
    assert abs(count_instances(stored_result()) - count_instances(outlines)) <= 3


def test_the_model_gives_the_stored_result():
    assert agreement(segment_demo('cpu'), stored_result()) >= self_check.AGREEMENT


def test_a_result_is_stored_and_read_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(self_check, 'shipped_folder', lambda: tmp_path)
    assert self_check.store_result(EXPECTED) == tmp_path / self_check.RESULT
    np.testing.assert_array_equal(stored_result(), EXPECTED)


def test_a_missing_or_damaged_image_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(self_check, 'shipped_folder', lambda: tmp_path)
    with pytest.raises(FileNotFoundError, match=r'demo/nuclei\.png is missing or no image'):
        segment_demo()
    with pytest.raises(FileNotFoundError, match=r'stored result .*panoptic\.png is missing'):
        stored_result()
    shutil.copytree(ROOT / 'demo', tmp_path / 'demo')
    (tmp_path / self_check.IMAGE).write_bytes(b'no image')
    with pytest.raises(FileNotFoundError, match=r'demo/nuclei\.png is missing or no image'):
        segment_demo()
