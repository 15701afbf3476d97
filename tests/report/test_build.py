"""The builder on its own; with real models and data in tests/tools/test_report.py."""

import numpy as np
import pytest

from einet.report.build import _summary, agreement, segments_content
from einet.report.examine import examine

from .scene import evaluated


def test_what_hovering_says():
    sample = evaluated()
    rows = sample.gt_segments.rows_of(sample.gt_map.astype(np.int64))
    content = segments_content(rows, sample, examine(sample))
    loose = dict(label=0, area=10, fate='too loose', partner=3, iou=0.4, box=[0.1538, 0, 0.1538, 1])
    assert content['truth'][1] == loose
    assert content['prediction'][3] == dict(
        label=0, area=4, fate='too loose', partner=1, iou=0.4, box=[0.1538, 0, 0.0615, 1], score=0.8
    )
    grass = content['prediction'][0]
    assert (grass['label'], grass['score'], grass['area']) == (2, None, 15)
    assert content['size'] == (65, 1)


def test_errors_of_a_class_and_of_the_image():
    summary = _summary(examine(evaluated()))
    assert summary['errors'] == {
        'found': 2,
        'missed': 1,
        'invented': 1,
        'wrong class': 1,
        'too loose': 1,
    }
    # A dog that was taken for a cat is an error of both.
    assert summary['class_errors'] == {
        0: {'too loose': 1, 'wrong class': 1},
        1: {'wrong class': 1, 'missed': 1, 'invented': 1},
    }


def test_agreement_is_pq_of_one_against_the_other():
    first = np.array([[1000] * 6 + [2] * 4])
    assert agreement(first, first, 3) == 100
    # The cat is another instance and smaller, the rest is void: IoU 4 / 6; grass agrees.
    second = np.array([[5000] * 4 + [3] * 2 + [2] * 4])
    assert agreement(first, second, 3) == pytest.approx(100 * (4 / 6 + 1) / 2)
    # What is void in the first does not count.
    assert agreement(second, first, 3) == pytest.approx(100)
    assert agreement(np.full((1, 3), 3), np.full((1, 3), 3), 3) == 100
