import numpy as np
import pytest

from einet.structures.panoptic_ids import decode_labels, restore_void
from einet.structures.segments import NONE


def test_decode_labels_knows_void_with_and_without_instance():
    labels = decode_labels(np.array([0, 2, 3, 4001, 4003]), 3)
    assert labels.tolist() == [0, 2, NONE, 1, NONE]


def test_label_beyond_void_is_named():
    with pytest.raises(ValueError, match=r'labels \[4, 5\]; labels are 0 to 2, void is 3'):
        decode_labels(np.array([2, 7005, 4]), 3)


OVERWRITTEN = np.array([[0, 1000, 2], [2, 0, 0]])


def test_void_is_restored_where_no_segment_can_have_id_0():
    assert restore_void(OVERWRITTEN, 3, True).tolist() == [[3, 1000, 2], [2, 3, 3]]
    assert OVERWRITTEN[0, 0] == 0


def test_stuff_of_label_0_stays():
    assert restore_void(OVERWRITTEN, 3, False) is OVERWRITTEN
