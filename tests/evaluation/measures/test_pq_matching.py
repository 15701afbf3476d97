import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from einet.evaluation.measures.pq_matching import pq_statistics
from einet.structures.segments import GroundTruthSegments


def segments_of(infos):
    return GroundTruthSegments(
        np.array([info['id'] for info in infos], np.int64),
        np.array([info['category'] for info in infos], np.int64),
        np.array([info['iscrowd'] for info in infos], bool),
    )


def info(segment_id, category, iscrowd=0):
    return dict(id=segment_id, category=category, iscrowd=iscrowd)


def as_dict(statistics):
    columns = (statistics.labels, statistics.iou, statistics.tp, statistics.fp, statistics.fn)
    return {
        int(label): (float(iou), int(tp), int(fp), int(fn))
        for label, iou, tp, fp, fn in zip(*columns, strict=True)
    }


def reference_as_dict(pq_stat):
    return {
        int(label): (cat.iou, cat.tp, cat.fp, cat.fn)
        for label, cat in pq_stat.pq_per_cat.items()
        if cat.tp + cat.fp + cat.fn
    }


class TestHandWorked:
    """Three classes (0 and 1 things, 2 stuff), void prediction 3, one row of pixels."""

    def compute(self, gt_row, infos, pred_row):
        gt_map, pred_map = np.array([gt_row]), np.array([pred_row])
        return as_dict(pq_statistics(gt_map, segments_of(infos), pred_map, 3))

    def test_iou_of_matches_and_both_kinds_of_error(self):
        gt = [7] * 5 + [9] * 3 + [4] * 4
        pred = [1000] * 4 + [2] * 2 + [2001] * 2 + [2] * 4
        statistics = self.compute(gt, [info(7, 0), info(9, 1), info(4, 2)], pred)
        # id 7: 4 of 5 shared; id 9: 2 of 3 shared; id 4: 4 of 4 + 2 more
        assert statistics == {0: (4 / 5, 1, 0, 0), 1: (2 / 3, 1, 0, 0), 2: (4 / 6, 1, 0, 0)}

    def test_iou_of_exactly_one_half_is_no_match(self):
        gt, pred = [5] * 4, [1000] * 2 + [3] * 2
        assert self.compute(gt, [info(5, 0)], pred) == {0: (0.0, 0, 1, 1)}

    def test_void_ground_truth_leaves_the_union(self):
        gt, pred = [5] * 3 + [0] * 3 + [6], [1000] * 5 + [2, 2]
        # prediction 1000 has 5 pixels, 2 of them void: IoU = 3 / (5 + 3 - 3 - 2); label 2 half void
        statistics = self.compute(gt, [info(5, 0), info(6, 1)], pred)
        assert statistics == {0: (1.0, 1, 0, 0), 1: (0.0, 0, 0, 1), 2: (0.0, 0, 1, 0)}

    def test_match_that_lies_mostly_in_void(self):
        assert self.compute([5] * 2 + [0] * 4, [info(5, 0)], [1000] * 6) == {0: (1.0, 1, 0, 0)}

    @pytest.mark.parametrize(('in_void', 'false_positives'), [(3, 1), (4, 0)])
    def test_false_positive_is_dropped_when_more_than_half_is_void(self, in_void, false_positives):
        gt = [5] * 20 + [0] * 10
        pred = [3] * 14 + [1001] * (20 - 14 - 3) + [3] * 3 + [1001] * in_void + [3] * (10 - in_void)
        statistics = self.compute(gt, [info(5, 2)], pred)
        assert statistics.get(1, (0.0, 0, 0, 0)) == (0.0, 0, false_positives, 0)

    def test_crowd_is_neither_missed_nor_matched_and_swallows_its_own_class_only(self):
        gt = [8] * 10
        pred = [1000] * 5 + [1001] * 5
        assert self.compute(gt, [info(8, 0, iscrowd=1)], pred) == {1: (0.0, 0, 1, 0)}

    def test_void_and_crowd_add_up(self):
        gt = [8] * 2 + [0] * 2 + [6] * 3
        pred = [1000] * 7
        assert self.compute(gt, [info(8, 0, 1), info(6, 2)], pred) == {2: (0.0, 0, 0, 1)}

    def test_only_the_last_crowd_of_a_class_counts_as_in_panopticapi(self):
        gt, pred = [8] * 6 + [9] * 4, [1000] * 10
        assert self.compute(gt, [info(8, 0, 1), info(9, 0, 1)], pred) == {0: (0.0, 0, 1, 0)}
        assert self.compute(gt, [info(9, 0, 1), info(8, 0, 1)], pred) == {}

    def test_segment_without_pixels_is_missed(self):
        assert self.compute([5], [info(5, 0), info(6, 0)], [1000]) == {0: (1.0, 1, 0, 1)}


class TestEdges:
    def compute(self, gt_map, infos, pred_map):
        return as_dict(pq_statistics(gt_map, segments_of(infos), pred_map, 3))

    def test_empty_prediction(self):
        gt_map = np.array([[1, 2], [0, 0]])
        statistics = self.compute(gt_map, [info(1, 0), info(2, 2)], np.full((2, 2), 3))
        assert statistics == {0: (0.0, 0, 0, 1), 2: (0.0, 0, 0, 1)}

    def test_all_void(self):
        assert self.compute(np.zeros((2, 3), int), [], np.full((2, 3), 1000)) == {}

    def test_only_crowd(self):
        gt_map = np.full((2, 3), 4)
        assert self.compute(gt_map, [info(4, 1, 1)], np.full((2, 3), 3)) == {}

    def test_image_without_pixels(self):
        assert self.compute(np.zeros((0, 4), int), [], np.zeros((0, 4), int)) == {}

    def test_one_pixel_instance(self):
        gt_map = np.array([[1, 2, 2]])
        statistics = self.compute(gt_map, [info(1, 0), info(2, 2)], np.array([[5000, 2, 2]]))
        assert statistics == {0: (1.0, 1, 0, 0), 2: (1.0, 1, 0, 0)}

    def test_unlisted_ground_truth_id(self):
        with pytest.raises(ValueError, match=r'does not list: \[6, 77\]'):
            self.compute(np.array([[6, 5, 77, 0]]), [info(5, 0)], np.array([[3, 3, 3, 3]]))

    def test_sizes_differ(self):
        with pytest.raises(ValueError, match=r'prediction is \(2, 3\).*ground truth \(3, 2\)'):
            self.compute(np.zeros((3, 2), int), [], np.zeros((2, 3), int))

    @pytest.mark.parametrize('pan_id', [4, 7999])
    def test_label_outside_the_classes(self, pan_id):
        with pytest.raises(ValueError, match=rf'labels \[{pan_id % 1000}\].*0 to 2, void is 3'):
            self.compute(np.array([[5]]), [info(5, 0)], np.array([[pan_id]]))

    def test_negative_id(self):
        with pytest.raises(ValueError, match='prediction has ids outside'):
            self.compute(np.array([[5, 5]]), [info(5, 0)], np.array([[-1, 2]]))


@st.composite
def scenes(draw):
    """Small maps of blocks, so that segments overlap by half or more; with void and crowd."""
    rows, columns = draw(st.tuples(st.integers(1, 6), st.integers(1, 10)))
    size = (rows, columns)
    num_gt = draw(st.integers(0, 6))
    gt_map = draw(hnp.arrays(np.int64, size, elements=st.integers(0, num_gt)))
    infos = [
        info(17 * k, draw(st.integers(0, 2)), draw(st.sampled_from([0, 0, 1])))
        for k in range(1, num_gt + 1)
    ]
    noise = draw(hnp.arrays(np.int64, size, elements=st.integers(0, 9)))
    keep = draw(hnp.arrays(np.bool_, size, elements=st.sampled_from([True, True, True, False])))
    labels = np.array([0, *(entry['category'] for entry in infos)])
    # mostly the ground truth with its own labels, partly noise over labels 0..3 and 3 instances
    pred_map = np.where(keep, labels[gt_map] + 1000 * gt_map, noise % 4 + 1000 * (noise // 4))
    return gt_map * 17, infos, pred_map


@settings(max_examples=300)
@given(scenes())
def test_equals_panopticapi(panopticapi_statistics, scene):
    gt_map, infos, pred_map = scene
    ours = as_dict(pq_statistics(gt_map, segments_of(infos), pred_map, 3))
    theirs = reference_as_dict(panopticapi_statistics([scene], 3))
    assert ours.keys() == theirs.keys()
    for label, (iou, *counts) in theirs.items():
        assert ours[label][0] == pytest.approx(iou, abs=1e-9)
        assert list(ours[label][1:]) == counts


@given(scenes(), st.permutations(range(1, 7)), st.permutations(range(1, 10)))
def test_names_of_instances_do_not_matter(scene, gt_names, pred_names):
    gt_map, infos, pred_map = scene
    gt_ids = np.array([0, *gt_names]) * 5
    pred_ids = np.array([0, *pred_names])
    renamed_infos = [dict(entry, id=int(gt_ids[entry['id'] // 17])) for entry in infos]
    renamed = pred_map % 1000 + 1000 * pred_ids[pred_map // 1000]
    before = as_dict(pq_statistics(gt_map, segments_of(infos), pred_map, 3))
    after = as_dict(pq_statistics(gt_ids[gt_map // 17], segments_of(renamed_infos), renamed, 3))
    assert before.keys() == after.keys()
    for label, (iou, *counts) in before.items():
        assert after[label] == (pytest.approx(iou, abs=1e-12), *counts)
