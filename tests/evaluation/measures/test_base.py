import math

import numpy as np

from einet.evaluation.measures.base import cells, percent


def test_percent_of_a_number_and_of_an_array():
    assert percent(np.float64(0.25)) == 25 and isinstance(percent(np.float64(0.25)), float)
    assert percent([0.5, 1]).tolist() == [50, 100]


def test_what_was_not_measured_is_a_dash():
    assert cells([200 / 3, math.nan, 0]) == ['66.67', '-', '0.00']
