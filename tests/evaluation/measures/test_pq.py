"""PQ from counts, by hand; and on real annotations the values of panopticapi and mmdet."""

import contextlib
import io
import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmdet.evaluation import CocoPanopticMetric
from mmengine.evaluator import Evaluator

from einet.evaluation import PanopticQualityMetric
from einet.evaluation.measures.pq import (
    PanopticQuality,
    class_quality,
    mean_quality,
    sum_statistics,
)
from einet.evaluation.measures.pq_matching import PQStatistics
from einet.structures.id_map import read_id_map


def statistics(*rows):
    """From rows of (label, iou, tp, fp, fn)."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * 5
    kinds = (np.int64, np.float64, np.int64, np.int64, np.int64)
    return PQStatistics(*(np.array(c, kind) for c, kind in zip(columns, kinds, strict=True)))


def test_quality_by_hand():
    # class 0: 3 matches of total IoU 2.4, 1 false, 2 missed: weight 3 + 0.5 + 1 = 4.5
    # class 1: only wrong; class 2: absent; class 3: a perfect match
    total = sum_statistics(
        [
            statistics((0, 1.6, 2, 1, 0), (1, 0.0, 0, 2, 5)),
            statistics(),
            statistics((0, 0.8, 1, 0, 2), (3, 1.0, 1, 0, 0)),
        ],
        num_classes=4,
    )
    assert (total.tp.tolist(), total.fp.tolist(), total.fn.tolist()) == (
        [3, 0, 0, 1],
        [1, 2, 0, 0],
        [2, 5, 0, 0],
    )
    quality = class_quality(total)
    np.testing.assert_allclose(quality.pq, [2.4 / 4.5, 0, np.nan, 1], rtol=1e-12)
    np.testing.assert_allclose(quality.sq, [2.4 / 3, 0, np.nan, 1], rtol=1e-12)
    np.testing.assert_allclose(quality.rq, [3 / 4.5, 0, np.nan, 1], rtol=1e-12)

    mean, num = mean_quality(quality, [0, 1, 2])
    assert num == 2
    assert mean == pytest.approx((2.4 / 9, 0.4, 3 / 9))


def test_group_that_does_not_appear_is_nan():
    quality = class_quality(sum_statistics([statistics((1, 0.9, 1, 0, 0))], 3))
    mean, num = mean_quality(quality, [0, 2])
    assert num == 0
    assert all(math.isnan(value) for value in mean)
    assert mean_quality(quality, [])[1] == 0


@pytest.mark.parametrize('images', [[], [statistics()]])
def test_nothing_at_all(images):
    total = sum_statistics(images, 2)
    assert total.tp.tolist() == [0, 0]
    mean, num = mean_quality(class_quality(total), [0, 1])
    assert isinstance(mean, PanopticQuality)
    assert num == 0


ROWS = st.lists(
    st.tuples(st.integers(0, 4), st.floats(0.5, 1), *[st.integers(0, 9)] * 3),
    unique_by=lambda row: row[0],
    max_size=4,
)


@given(st.lists(ROWS, max_size=12), st.randoms(use_true_random=False))
def test_sum_does_not_depend_on_the_order_to_the_last_bit(images, random):
    shuffled = random.sample(images, len(images))
    before = sum_statistics([statistics(*rows) for rows in images], 5)
    after = sum_statistics([statistics(*rows) for rows in shuffled], 5)
    for field in ('labels', 'iou', 'tp', 'fp', 'fn'):
        assert getattr(before, field).tolist() == getattr(after, field).tolist()
    for label in range(5):
        rows = [row for image in images for row in image if row[0] == label]
        assert before.iou[label] == pytest.approx(sum(row[1] for row in rows))
        assert before.fn[label] == sum(row[4] for row in rows)


KINDS = ['perfect', 'merged', 'split', 'dropped', 'relabeled', 'shifted', 'void', 'spilled']
SPLITS = ['train2017', 'val2017']


class TestAgainstPanopticapi:
    @pytest.mark.parametrize('split', SPLITS)
    @pytest.mark.parametrize('how', KINDS)
    def test_equal_to_1e_9(
        self, evaluate, how, split, coco_samples, coco_meta, predict, panopticapi_statistics
    ):
        samples = predict(split, how)
        ours = evaluate(samples, coco_meta, classwise=True)
        triples = [
            (gt_map, sample['segments_info'], predicted['pred_panoptic_seg']['sem_seg'][0].numpy())
            for (sample, gt_map), predicted in zip(coco_samples(split), samples, strict=True)
        ]
        pq_stat = panopticapi_statistics(triples, 133)
        categories = {label: dict(isthing=int(label < 80)) for label in range(133)}
        for suffix, is_thing in (('', None), ('_th', True), ('_st', False)):
            theirs, per_class = pq_stat.pq_average(categories, is_thing)
            for name in ('PQ', 'SQ', 'RQ'):
                expected = 100 * theirs[name.lower()]
                assert ours[f'panoptic/{name}{suffix}'] == pytest.approx(expected, abs=1e-9)
            for label, quality in per_class.items():
                value = np.nan_to_num(ours[f'panoptic/PQ/{coco_meta["classes"][label]}'])
                assert value == pytest.approx(100 * quality['pq'], abs=1e-9)
        if how == 'perfect':
            assert ours['panoptic/PQ'] == ours['panoptic/SQ'] == ours['panoptic/RQ'] == 100
        else:
            assert 1 < ours['panoptic/PQ'] < 99.9

    def test_written_files_give_the_same(
        self, evaluate, tmp_path, coco_sample_root, coco_meta, predict
    ):
        pq_compute = pytest.importorskip('panopticapi.evaluation').pq_compute
        prefix = tmp_path / 'deep' / 'run'
        ours = evaluate(predict('val2017'), coco_meta, outfile_prefix=str(prefix))
        with contextlib.redirect_stdout(io.StringIO()):
            theirs = pq_compute(
                str(coco_sample_root / 'annotations/panoptic_val2017.json'),
                f'{prefix}.panoptic.json',
                str(coco_sample_root / 'annotations/panoptic_val2017'),
                f'{prefix}.panoptic',
            )
        for suffix, group in (('', 'All'), ('_th', 'Things'), ('_st', 'Stuff')):
            for name in ('PQ', 'SQ', 'RQ'):
                expected = 100 * theirs[group][name.lower()]
                assert ours[f'panoptic/{name}{suffix}'] == pytest.approx(expected, abs=1e-9)

    def test_nuclei_annotation_against_itself(self, evaluate, nuclei_root, with_prediction):
        folder = nuclei_root / 'annotations/panoptic_val'
        samples = []
        for annotation in json.loads(folder.with_suffix('.json').read_text())['annotations'][:5]:
            infos = [
                dict(id=s['id'], category=s['category_id'] - 1, iscrowd=s['iscrowd'])
                for s in annotation['segments_info']
            ]
            path = str(folder / annotation['file_name'])
            table = np.full(1 + max(s['id'] for s in infos), 2)
            for s in infos:
                table[s['id']] = s['category'] + (1000 * s['id'] if s['category'] == 0 else 0)
            sample = dict(img_id=annotation['image_id'], seg_map_path=path, segments_info=infos)
            samples.append(with_prediction(sample, table[read_id_map(path)]))
        meta = dict(
            classes=('nucleus', 'background'),
            thing_classes=('nucleus',),
            stuff_classes=('background',),
        )
        result = evaluate(samples, meta)
        assert result['panoptic/PQ_th'] == result['panoptic/PQ_st'] == 100


class TestBesideMmdetsMetric:
    @pytest.mark.parametrize('order', ['ours first', 'ours last'])
    def test_same_values_in_one_evaluator(self, order, coco_sample_root, coco_meta, predict):
        pytest.importorskip('panopticapi')
        theirs = CocoPanopticMetric(
            ann_file=str(coco_sample_root / 'annotations/panoptic_val2017.json'),
            seg_prefix=str(coco_sample_root / 'annotations/panoptic_val2017'),
        )
        metrics = [PanopticQualityMetric(), theirs]
        evaluator = Evaluator(metrics if order == 'ours first' else metrics[::-1])
        evaluator.dataset_meta = coco_meta
        samples = predict('val2017')
        evaluator.process(samples)
        results = evaluator.evaluate(len(samples))
        for name, suffix in itertools.product(('PQ', 'SQ', 'RQ'), ('', '_th', '_st')):
            ours = results[f'panoptic/{name}{suffix}']
            assert ours == pytest.approx(results[f'coco_panoptic/{name}{suffix}'], abs=1e-9)
        assert 20 < results['panoptic/PQ'] < 90

    def test_without_an_annotation_file(self, coco_sample_root, coco_meta, predict):
        pytest.importorskip('panopticapi')
        folder = str(coco_sample_root / 'annotations/panoptic_val2017')
        evaluator = Evaluator([PanopticQualityMetric(), CocoPanopticMetric(seg_prefix=folder)])
        evaluator.dataset_meta = coco_meta
        samples = predict('val2017')
        evaluator.process(samples)
        results = evaluator.evaluate(len(samples))
        assert results['panoptic/PQ'] == pytest.approx(results['coco_panoptic/PQ'], abs=1e-9)
