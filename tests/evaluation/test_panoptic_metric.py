"""The metric as a whole: what it reads, returns, writes and refuses, on one rank and on several."""

import json
import multiprocessing
import pickle
import traceback
from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet.registry import METRICS

from einet.evaluation import PanopticMetric, PanopticQualityMetric
from einet.evaluation import sample as sample_module
from einet.evaluation.measures.iou import IoUMeasure
from einet.structures.id_map import read_id_map

TINY_META = dict(
    classes=('cat', 'dog', 'road'), thing_classes=('cat', 'dog'), stuff_classes=('road',)
)


@pytest.fixture
def tiny(tmp_path, write_png, with_prediction):
    """A two-by-three image of one cat (3 px) on road (2 px), one void pixel; and a prediction."""

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


class TestValues:
    def test_by_hand(self, tiny):
        # cat: 2 of 3 px found; road: 2 of 2 and one more: IoU 2 / 3; a dog over the void pixel
        metric = PanopticQualityMetric(classwise=True)
        metric.dataset_meta = TINY_META
        metric.process(None, [tiny([[1000, 1000, 1001], [2, 2, 2]])])
        # second image: road becomes dog, so one false dog and one missed road
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

    def test_groups_that_do_not_appear_are_nan(self, evaluate, tiny):
        things_only = tiny([[1000, 1000, 3], [1000, 3, 3]])
        things_only['segments_info'] = [
            things_only['segments_info'][0],
            dict(id=9, category=0, is_thing=False, iscrowd=1),
        ]
        result = evaluate([things_only], TINY_META)
        assert result['panoptic/PQ'] == result['panoptic/PQ_th'] == 100
        assert np.isnan(result['panoptic/PQ_st'])

    def test_all_void_prediction(self, evaluate, tiny):
        result = evaluate([tiny(np.full((2, 3), 3))], TINY_META)
        assert result['panoptic/PQ'] == result['panoptic/RQ_st'] == 0

    def test_registered(self):
        metric = METRICS.build(dict(type='PanopticQualityMetric', prefix='val'))
        assert isinstance(metric, PanopticQualityMetric)
        assert metric.prefix == 'val'

    def test_sample_is_not_changed(self, evaluate, tiny, tmp_path):
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
    def test_format_only_reads_no_ground_truth(self, evaluate, tiny, tmp_path):
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
    def test_prediction_that_does_not_fit(self, evaluate, tiny, pred_map, message):
        with pytest.raises(ValueError, match=message):
            evaluate([tiny(pred_map)], TINY_META)

    def test_id_that_the_annotation_lacks(self, evaluate, tiny):
        sample = tiny(np.full((2, 3), 3))
        sample['segments_info'] = sample['segments_info'][:1]
        with pytest.raises(ValueError, match=r'pic\.png: .*does not list: \[9\]'):
            evaluate([sample], TINY_META)

    @pytest.mark.parametrize('field', ['pred_panoptic_seg', 'segments_info', 'seg_map_path'])
    def test_field_that_the_sample_lacks(self, evaluate, tiny, field):
        sample = tiny(np.full((2, 3), 3))
        del sample[field]
        with pytest.raises(KeyError, match=f'image pic: the sample lacks `{field}`'):
            evaluate([sample], TINY_META)

    @pytest.mark.parametrize('field', ['classes', 'thing_classes'])
    def test_metainfo_that_the_dataset_lacks(self, evaluate, tiny, field):
        meta = {key: value for key, value in TINY_META.items() if key != field}
        with pytest.raises(KeyError, match=f'lacks `{field}`'):
            evaluate([tiny(np.full((2, 3), 3))], meta)


EVERYTHING = ['PQ', 'AP', 'mIoU']


class TestOnePass:
    def test_registered(self):
        metric = METRICS.build(dict(type='PanopticMetric', metric=['PQ', 'mIoU']))
        assert [measure.suffix for measure in metric.measures] == ['panoptic', 'semantic']

    def test_every_ground_truth_is_read_once(
        self, predict_all, coco_meta, evaluate_all, monkeypatch
    ):
        samples, paths = predict_all('val2017')[:5], []

        def read(path, backend_args):
            paths.append(path)
            return read_id_map(path, backend_args)

        monkeypatch.setattr(sample_module, 'read_id_map', read)
        evaluate_all(samples, coco_meta, EVERYTHING)
        assert paths == [sample['seg_map_path'] for sample in samples]

    def test_the_same_as_one_by_one(self, predict_all, coco_meta, evaluate_all):
        samples = predict_all('val2017')[:8]
        before = pickle.dumps(samples)
        together = evaluate_all(samples, coco_meta, EVERYTHING, classwise=True)
        alone = {}
        for name in EVERYTHING:
            alone |= evaluate_all(samples, coco_meta, name, classwise=True)
        np.testing.assert_equal(together, alone)
        assert pickle.dumps(samples) == before

    @pytest.mark.parametrize('metric', ['pq', [], ['PQ', 'IoU'], ['AP', 'cityscapes_AP']])
    def test_unknown_metric(self, metric):
        with pytest.raises(ValueError, match='one kind of AP'):
            PanopticMetric(metric)


class TestUnusualSets:
    @pytest.fixture
    def measure(self, tiny, complete, evaluate_all):
        def run(pred_map, segments, meta=TINY_META):
            sample = complete(tiny(pred_map, segments_info=segments), 3)
            metrics = evaluate_all([sample], meta, EVERYTHING)
            return {key.removeprefix('panoptic/'): value for key, value in metrics.items()}

        return run

    def test_no_things(self, measure):
        segments = [dict(id=i, category=2, iscrowd=0) for i in (7, 9)]
        metrics = measure([[2, 2, 2], [2, 2, 2]], segments)
        assert metrics['PQ_st'] == metrics['PQ'] and metrics['mIoU'] == 100
        assert np.isnan(metrics['PQ_th']) and np.isnan(metrics['AP'])

    def test_no_thing_class(self, measure):
        meta = dict(classes=('a', 'b', 'road'), thing_classes=(), stuff_classes=())
        segments = [dict(id=i, category=2, iscrowd=0) for i in (7, 9)]
        assert np.isnan(measure([[2, 2, 2], [2, 2, 2]], segments, meta)['AP'])

    def test_only_crowd(self, measure):
        segments = [dict(id=i, category=c, iscrowd=1) for i, c in ((7, 0), (9, 1))]
        metrics = measure([[1000, 1000, 3], [3, 3, 3]], segments)
        assert all(np.isnan(value) for value in metrics.values())

    def test_void_predicted_everywhere(self, measure):
        segments = [dict(id=7, category=0, iscrowd=0), dict(id=9, category=2, iscrowd=0)]
        metrics = measure(np.full((2, 3), 3), segments)
        assert metrics['PQ'] == metrics['AP'] == 0
        # The semantic prediction has no void: it says cat (0) everywhere.
        assert metrics['mIoU'] == pytest.approx(100 * 3 / 5 / 2)

    def test_void_annotated_everywhere(self, tiny, complete, evaluate_all, write_png):
        sample = complete(tiny(np.full((2, 3), 1000)), 3)
        write_png(tmp := Path(sample['seg_map_path']), np.zeros((2, 3), int))
        metrics = evaluate_all([sample | dict(segments_info=[])], TINY_META, EVERYTHING)
        assert tmp.exists() and all(np.isnan(value) for value in metrics.values())


class TestFailures:
    def failing(self, tiny, tmp_path, monkeypatch, **messages):
        """PQ of one image whose prediction is right, and mIoU, whose named methods fail."""

        def fail(message):
            raise OSError(message)

        for method, message in messages.items():
            monkeypatch.setattr(IoUMeasure, method, lambda *_, message=message: fail(message))
        metric = PanopticMetric(['mIoU', 'PQ'], outfile_prefix=str(tmp_path / 'out'))
        metric.dataset_meta = TINY_META | dict(category_ids=(1, 2, 3))
        sample = tiny([[1000, 1000, 3], [1000, 2, 2]])
        sample['pred_sem_seg'] = dict(sem_seg=torch.tensor([[[0, 0, 2], [0, 2, 2]]]))
        metric.process(None, [sample])
        return metric.evaluate(1), metric.failures

    def test_scores_of_a_failed_measure_are_nan_and_others_stay(self, tiny, tmp_path, monkeypatch):
        scores, failures = self.failing(tiny, tmp_path, monkeypatch, summarize='full')
        assert failures == {'semantic': 'OSError: full'}
        assert all(np.isnan(scores[f'panoptic/{key}']) for key in ('mIoU', 'mAcc', 'aAcc'))
        assert scores['panoptic/PQ'] == pytest.approx(100)

    def test_results_that_cannot_be_written_cost_no_score(self, tiny, tmp_path, monkeypatch):
        scores, failures = self.failing(tiny, tmp_path, monkeypatch, finish_writing='full')
        assert list(failures) == ['semantic']
        assert scores['panoptic/mIoU'] == scores['panoptic/PQ'] == pytest.approx(100)

    def test_both_failures_of_a_measure_are_kept(self, tiny, tmp_path, monkeypatch):
        messages = dict(summarize='no memory', finish_writing='full')
        _, failures = self.failing(tiny, tmp_path, monkeypatch, **messages)
        assert failures == {'semantic': 'OSError: no memory; OSError: full'}


def test_format_only_writes_for_every_measure(predict_all, coco_meta, evaluate_all, tmp_path):
    samples = [
        dict(sample, seg_map_path=None, segments_info=[]) for sample in predict_all('val2017')[:3]
    ]
    prefix = tmp_path / 'a' / 'out'
    options = dict(format_only=True, outfile_prefix=str(prefix))
    assert evaluate_all(samples, coco_meta, EVERYTHING, **options) == {}
    names = {path.name for path in prefix.parent.iterdir()}
    assert names == {'out.panoptic', 'out.panoptic.json', 'out.segm.json', 'out.semantic'}
    images = sorted(Path(sample['img_path']).stem for sample in samples)
    for kind in ('panoptic', 'semantic'):
        assert sorted(path.stem for path in Path(f'{prefix}.{kind}').iterdir()) == images
    results = json.loads(Path(f'{prefix}.segm.json').read_text())
    assert {entry['image_id'] for entry in results} <= {sample['img_id'] for sample in samples}


class TestRanks:
    @pytest.mark.parametrize('world_size', [2, 5])
    def test_any_split_gives_the_same_to_the_last_bit(
        self, evaluate_all, world_size, coco_meta, predict_all
    ):
        samples = predict_all('train2017')
        alone = evaluate_all(samples, coco_meta, EVERYTHING, classwise=True)
        metric = PanopticMetric(EVERYTHING, classwise=True)
        metric.dataset_meta = coco_meta
        gathered = []
        for rank in range(world_size):
            metric.results.clear()
            metric.process(None, samples[rank::world_size])
            gathered += pickle.loads(pickle.dumps(metric.results))
        merged = metric.compute_metrics(gathered)
        np.testing.assert_equal({f'panoptic/{key}': v for key, v in merged.items()}, alone)

    def test_two_processes_with_a_padded_shard(
        self, evaluate_all, tmp_path, coco_meta, predict_all
    ):
        # 27 images: the sampler repeats the first to fill rank 1
        samples = predict_all('val2017')
        alone = evaluate_all(samples, coco_meta, EVERYTHING)
        context = multiprocessing.get_context('fork')
        queue = context.Queue()
        ranks = [
            context.Process(
                target=_run_rank, args=(queue, rank, tmp_path, samples, coco_meta), daemon=True
            )
            for rank in range(2)
        ]
        for rank in ranks:
            rank.start()
        for _ in ranks:
            answer = queue.get(timeout=60)
            assert answer == alone, answer
        for rank in ranks:
            rank.join(timeout=60)
        assert len(list((tmp_path / 'out.panoptic').iterdir())) == len(samples)


def _run_rank(queue, *arguments):
    """Put the scores into the queue, or the error as text."""
    try:
        queue.put(_evaluate_rank(*arguments))
    except Exception:
        queue.put(traceback.format_exc())
        raise


def _evaluate_rank(rank, folder, samples, meta):
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{folder}/rendezvous', rank=rank, world_size=2
    )
    metric = PanopticMetric(
        EVERYTHING, outfile_prefix=str(folder / 'out'), collect_dir=str(folder / 'collect')
    )
    metric.dataset_meta = meta
    padded = [*samples, samples[0]]
    metric.process(None, padded[rank::2])
    scores = metric.evaluate(len(samples))
    torch.distributed.destroy_process_group()
    return scores
