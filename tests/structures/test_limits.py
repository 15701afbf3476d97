import numpy as np
from mmdet.evaluation.functional import INSTANCE_OFFSET as MMDETS_OFFSET

from einet.structures.limits import IGNORE_LABEL, INSTANCE_OFFSET, MAX_CLASSES, MAX_ID


def test_void_and_ignored_labels_fit_into_uint8():
    assert MAX_CLASSES + 1 == IGNORE_LABEL == np.iinfo(np.uint8).max


def test_the_largest_id_is_white():
    assert 255 + 256 * 255 + 65536 * 255 == MAX_ID


def test_panoptic_values_are_mmdets():
    assert INSTANCE_OFFSET == MMDETS_OFFSET
