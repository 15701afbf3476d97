import numpy as np
import pytest

from einet.evaluation.comparison_table import compare_scores, format_table, paired_interval

SCORES = {
    'reference': {0: {'PQ': 60.0, 'AP': None}, 1: {'PQ': 64.0, 'AP': None}},
    'other': {0: {'PQ': 61.0, 'AP': 20.0}, 1: {'PQ': 68.0, 'AP': 26.0}, 2: {'PQ': 99.0}},
}


def test_mean_spread_and_paired_difference():
    comparison = compare_scores(SCORES)
    assert comparison['reference']['PQ'] == {
        'values': {0: 60.0, 1: 64.0},
        'mean': 62.0,
        'std': pytest.approx(8**0.5),
    }
    other = comparison['other']['PQ']
    assert other['mean'] == 76.0
    assert other['difference'] == 2.5  # of seeds 0 and 1: 1 and 4
    assert other['interval'] == (1.0, 4.0)
    assert 'AP' not in comparison['reference']  # not measured
    assert comparison['other']['AP']['mean'] == 23.0
    assert 'difference' not in comparison['other']['AP']


def test_interval_against_all_resamples():
    differences = (3.0, -1.0, 5.0)
    means = sorted(
        np.mean([a, b, c]) for a in differences for b in differences for c in differences
    )
    low, high = paired_interval(differences)
    assert means[0] <= low <= means[1]
    assert means[-2] <= high <= means[-1]


def test_table():
    lines = format_table(compare_scores(SCORES)).splitlines()
    assert lines[0] == '| config | seeds | PQ | AP |'
    assert lines[2] == '| reference | 2 | 62.0 ± 2.8 | - |'
    assert lines[3].startswith('| other | 3 | 76.0 ± 20.2 (+2.5) | 23.0 ± 4.2')


def test_small_figures_have_two_digits():
    scores = {'a': {0: {'PQ': 60.0, 'step': 0.5}}, 'b': {0: {'step': 0.625, 'cosine': 0.9871}}}
    lines = format_table(compare_scores(scores)).splitlines()
    assert lines[0] == '| config | seeds | PQ | cosine | step |'
    assert lines[2:] == ['| a | 1 | 60.0 | - | 0.50 |', '| b | 1 | - | 0.99 | 0.62 (+0.12) |']
