"""PQ on real annotations: the same values as panopticapi and mmdet's metric."""

import contextlib
import io
import itertools
import json

import numpy as np
import pytest
from mmdet.evaluation import CocoPanopticMetric
from mmengine.evaluator import Evaluator

from einet.evaluation import PanopticQualityMetric
from einet.structures.id_map import read_id_map

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
