import contextlib
import io
import itertools
import multiprocessing
import pickle

import numpy as np
import pytest
import torch
from mmdet.evaluation import CocoPanopticMetric
from mmdet.registry import METRICS
from mmengine.evaluator import Evaluator

from einet.evaluation import PanopticQualityMetric

KINDS = ['perfect', 'merged', 'split', 'dropped', 'relabelled', 'shifted', 'void', 'spilled']
SPLITS = ['train2017', 'val2017']


@pytest.fixture
def predict(coco_samples, with_prediction, perturb):
    """Samples of a split with predictions spoiled in one way, or each picture in another."""

    def build(split, how=None):
        kinds = itertools.cycle(KINDS if how is None else [how])
        return [
            with_prediction(sample, perturb(sample, gt_map, kind))
            for (sample, gt_map), kind in zip(coco_samples(split), kinds, strict=False)
        ]

    return build


def evaluate(samples, meta, **kwargs):
    metric = PanopticQualityMetric(**kwargs)
    metric.dataset_meta = meta
    metric.process(None, samples)
    return metric.evaluate(len(samples))


TINY_META = dict(
    classes=('cat', 'dog', 'road'), thing_classes=('cat', 'dog'), stuff_classes=('road',)
)


@pytest.fixture
def tiny(tmp_path, write_png, with_prediction):
    """A two-by-three picture of one cat (3 px) on road (2 px), one void pixel; and a prediction."""

    def build(pred_map, name='pic', **changes):
        path = write_png(tmp_path / f'{name}.png', [[7, 7, 0], [7, 9, 9]])
        sample = dict(
            img_id=name,
            img_path=f'{name}.jpg',
            seg_map_path=str(path),
            segments_info=[
                dict(id=7, category=0, is_thing=True, iscrowd=0),
                dict(id=9, category=2, is_thing=False, iscrowd=0),
            ],
        )
        return with_prediction(sample | changes, pred_map)

    return build


class TestAgainstPanopticapi:
    @pytest.mark.parametrize('split', SPLITS)
    @pytest.mark.parametrize('how', KINDS)
    def test_equal_to_1e_9(
        self, how, split, coco_samples, coco_meta, predict, panopticapi_statistics
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

    def test_written_files_give_the_same(self, tmp_path, coco_sample_root, coco_meta, predict):
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

    def test_nuclei_annotation_against_itself(self, nuclei_root, with_prediction):
        import json

        from einet.evaluation.ground_truth import read_id_map

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


class TestValues:
    def test_by_hand(self, tiny):
        # cat: 2 of 3 px found; road: 2 of 2 and one more: IoU 2 / 3; a dog over the void pixel
        metric = PanopticQualityMetric(classwise=True)
        metric.dataset_meta = TINY_META
        metric.process(None, [tiny([[1000, 1000, 1001], [2, 2, 2]])])
        # second picture: road becomes dog, so one false dog and one missed road
        metric.process(None, [tiny([[4000, 4000, 3], [4000, 2001, 2001]], 'other')])
        result = metric.evaluate(2)
        cat, dog, road = (2 / 3 + 1) / 2, 0, (2 / 3) / (1 + 0.5)
        assert result == {
            f'panoptic/{key}': pytest.approx(100 * value)
            for key, value in {
                'PQ': (cat + dog + road) / 3,
                'SQ': (cat + 0 + 2 / 3) / 3,
                'RQ': (1 + 0 + 1 / 1.5) / 3,
                'PQ_th': cat / 2,
                'SQ_th': cat / 2,
                'RQ_th': 1 / 2,
                'PQ_st': road,
                'SQ_st': 2 / 3,
                'RQ_st': 1 / 1.5,
                'PQ/cat': cat,
                'PQ/dog': 0,
                'PQ/road': road,
            }.items()
        }

    def test_groups_that_do_not_appear_are_nan(self, tiny):
        things_only = tiny([[1000, 1000, 3], [1000, 3, 3]])
        things_only['segments_info'] = [
            things_only['segments_info'][0],
            dict(id=9, category=0, is_thing=False, iscrowd=1),
        ]
        result = evaluate([things_only], TINY_META)
        assert result['panoptic/PQ'] == result['panoptic/PQ_th'] == 100
        assert np.isnan(result['panoptic/PQ_st'])

    def test_all_void_prediction(self, tiny):
        result = evaluate([tiny(np.full((2, 3), 3))], TINY_META)
        assert result['panoptic/PQ'] == result['panoptic/RQ_st'] == 0

    def test_registered(self):
        metric = METRICS.build(dict(type='PanopticQualityMetric', prefix='val'))
        assert isinstance(metric, PanopticQualityMetric)
        assert metric.prefix == 'val'

    def test_sample_is_not_changed(self, tiny, tmp_path):
        sample = tiny([[1000, 1000, 3], [3, 2, 2]])
        before = pickle.dumps(sample)
        meta = TINY_META | dict(category_ids=(1, 2, 3))
        evaluate([sample], meta, outfile_prefix=str(tmp_path / 'out'))
        assert pickle.dumps(sample) == before

    def test_result_of_an_image_is_tiny(self, coco_meta, predict):
        metric = PanopticQualityMetric()
        metric.dataset_meta = coco_meta
        metric.process(None, predict('val2017'))
        assert len(pickle.dumps(metric.results)) < 1500 * len(metric.results)


class TestWriting:
    def test_format_only_reads_no_ground_truth(self, tiny, tmp_path):
        sample = tiny([[1000, 1000, 3], [3, 2, 2]], seg_map_path=None, segments_info=None)
        meta = TINY_META | dict(category_ids=(1, 2, 3))
        prefix = tmp_path / 'out'
        assert evaluate([sample], meta, format_only=True, outfile_prefix=str(prefix)) == {}
        assert (tmp_path / 'out.panoptic' / 'pic.png').exists()
        assert (tmp_path / 'out.panoptic.json').exists()

    def test_format_only_needs_a_place(self):
        with pytest.raises(ValueError, match='set outfile_prefix'):
            PanopticQualityMetric(format_only=True)

    def test_category_ids_are_asked_for_at_the_first_image(self, tiny, tmp_path):
        metric = PanopticQualityMetric(outfile_prefix=str(tmp_path / 'out'))
        metric.dataset_meta = TINY_META
        with pytest.raises(KeyError, match='lacks `category_ids`'):
            metric.process(None, [tiny(np.full((2, 3), 3))])


class TestErrors:
    @pytest.mark.parametrize(
        ('pred_map', 'message'),
        [
            (np.full((3, 2), 3), r'image pic, .*pic\.png: .*\(3, 2\).*\(2, 3\)'),
            (np.full((2, 3), 5), r'image pic, .*labels \[5\]'),
        ],
    )
    def test_prediction_that_does_not_fit(self, tiny, pred_map, message):
        with pytest.raises(ValueError, match=message):
            evaluate([tiny(pred_map)], TINY_META)

    def test_id_that_the_annotation_lacks(self, tiny):
        sample = tiny(np.full((2, 3), 3))
        sample['segments_info'] = sample['segments_info'][:1]
        with pytest.raises(ValueError, match=r'pic\.png: .*does not list: \[9\]'):
            evaluate([sample], TINY_META)

    @pytest.mark.parametrize('field', ['pred_panoptic_seg', 'segments_info', 'seg_map_path'])
    def test_field_that_the_sample_lacks(self, tiny, field):
        sample = tiny(np.full((2, 3), 3))
        del sample[field]
        with pytest.raises(KeyError, match=f'image pic: the sample lacks `{field}`'):
            evaluate([sample], TINY_META)

    @pytest.mark.parametrize('field', ['classes', 'thing_classes'])
    def test_metainfo_that_the_dataset_lacks(self, tiny, field):
        meta = {key: value for key, value in TINY_META.items() if key != field}
        with pytest.raises(KeyError, match=f'lacks `{field}`'):
            evaluate([tiny(np.full((2, 3), 3))], meta)


class TestRanks:
    @pytest.mark.parametrize('world_size', [2, 3, 5])
    def test_any_split_gives_the_same_to_the_last_bit(self, world_size, coco_meta, predict):
        samples = predict('train2017')
        alone = evaluate(samples, coco_meta, classwise=True)
        metric = PanopticQualityMetric(classwise=True)
        metric.dataset_meta = coco_meta
        gathered = []
        for rank in range(world_size):
            metric.results.clear()
            metric.process(None, samples[rank::world_size])
            gathered += pickle.loads(pickle.dumps(metric.results))
        merged = metric.compute_metrics(gathered)
        np.testing.assert_equal({f'panoptic/{key}': v for key, v in merged.items()}, alone)

    def test_two_processes_with_a_padded_shard(self, tmp_path, coco_meta, predict):
        samples = predict('val2017')  # 27 pictures: the sampler repeats the first to fill rank 1
        alone = evaluate(samples, coco_meta)
        context = multiprocessing.get_context('fork')
        queue = context.Queue()
        ranks = [
            context.Process(target=_run_rank, args=(rank, tmp_path, samples, coco_meta, queue))
            for rank in range(2)
        ]
        for rank in ranks:
            rank.start()
        answers = [queue.get(timeout=60) for _ in ranks]
        for rank in ranks:
            rank.join(timeout=60)
        assert answers == [alone, alone]
        assert len(list((tmp_path / 'out.panoptic').iterdir())) == len(samples)


def _run_rank(rank, folder, samples, meta, queue):
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{folder}/rendezvous', rank=rank, world_size=2
    )
    metric = PanopticQualityMetric(
        outfile_prefix=str(folder / 'out'), collect_dir=str(folder / 'collect')
    )
    metric.dataset_meta = meta
    padded = [*samples, samples[0]]
    metric.process(None, padded[rank::2])
    queue.put(metric.evaluate(len(samples)))
    torch.distributed.destroy_process_group()
