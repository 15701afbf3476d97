import numpy as np
from hypothesis import given

from einet.evaluation.measures.pq_matching import match_segments
from einet.report.errors import ERRORS, Fate, explain
from einet.structures.segments import NONE
from tests.evaluation.measures.test_pq_matching import scenes, segments_of

from .scene import evaluated


def explained(sample):
    matches = match_segments(sample.gt_map, sample.gt_segments, sample.pred_map, 3)
    return matches, explain(matches)


def test_every_fate_by_hand():
    matches, result = explained(evaluated())
    assert result.gt_fates == ['found', 'too loose', 'wrong class', 'found', 'missed']
    assert matches.pred_ids.tolist() == [2, 3, 1000, 2000, 4000, 5001, 6001]
    assert result.pred_fates == [
        *('found', 'not counted', 'found', 'too loose', 'wrong class', 'invented', 'not counted')
    ]
    assert result.gt_partners.tolist() == [2, 3, 4, 0, NONE]
    assert result.pred_partners.tolist() == [3, NONE, 0, 1, 2, NONE, NONE]
    assert result.gt_ious.tolist() == [0.9, 0.4, 0.8, 0.75, 0]
    assert result.pred_ious.tolist() == [0.75, 0, 0.9, 0.4, 0.8, 0, 0]


def test_crowd_is_not_counted():
    _, result = explained(evaluated([[5, 5, 4]], [(5, 0, 1), (4, 2)], [[1000, 1000, 2]]))
    assert result.gt_fates == [Fate.UNCOUNTED, Fate.FOUND]
    assert result.pred_fates == [Fate.FOUND, Fate.UNCOUNTED]


def test_an_object_in_two_parts_is_too_loose_once():
    # 5 and 4 of 10 pixels: the larger part is the partner, the other is invented.
    truth, prediction = [[5] * 10 + [4] * 10], [[1000] * 5 + [2000] * 4 + [3] + [2] * 10]
    _, result = explained(evaluated(truth, [(5, 0), (4, 2)], prediction))
    assert result.gt_fates == [Fate.LOOSE, Fate.FOUND]
    assert result.pred_fates == [Fate.FOUND, Fate.UNCOUNTED, Fate.LOOSE, Fate.INVENTED]


def test_a_tenth_is_a_partner_and_less_is_none():
    for pixels, fate in ((10, Fate.LOOSE), (9, Fate.MISSED)):
        prediction = [[1000] * pixels + [3] * (100 - pixels)]
        assert explained(evaluated([[5] * 100], [(5, 0)], prediction))[1].gt_fates == [fate]


def test_half_of_another_class_is_no_partner():
    _, result = explained(evaluated([[5] * 4], [(5, 0)], [[1001] * 2 + [3] * 2]))
    assert (result.gt_fates, result.pred_fates[1]) == ([Fate.MISSED], Fate.INVENTED)


@given(scenes())
def test_the_counts_of_pq_stay(scene):
    gt_map, infos, pred_map = scene
    matches = match_segments(gt_map, segments_of(infos), pred_map, 3)
    result, statistics = explain(matches), matches.statistics(3)
    for label in range(3):
        failed, failed_pred = (
            [f for f, own in zip(fates, labels, strict=True) if own == label and f in ERRORS]
            for fates, labels in (
                (result.gt_fates, matches.gt.labels),
                (result.pred_fates, matches.pred_labels),
            )
        )
        at = statistics.labels == label
        assert (len(failed), len(failed_pred)) == (
            statistics.fn[at].sum(),
            statistics.fp[at].sum(),
        )
    for fate in (Fate.FOUND, Fate.LOOSE, Fate.WRONG):
        assert result.gt_fates.count(fate) == result.pred_fates.count(fate)
    partners = result.gt_partners[result.gt_partners != NONE]
    assert len(np.unique(partners)) == len(partners)


def test_a_match_that_lies_mostly_in_void_is_found():
    _, result = explained(evaluated([[5] * 2 + [0] * 4], [(5, 0)], [[1000] * 6]))
    assert (result.gt_fates, result.pred_fates) == ([Fate.FOUND], [Fate.FOUND])
