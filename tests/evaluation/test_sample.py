import numpy as np
import pytest
import torch

from einet.evaluation.classes import PanopticClasses
from einet.evaluation.sample import EvaluatedSample

CLASSES = PanopticClasses(('cat', 'road'), frozenset({0}))


def sample(**fields):
    return EvaluatedSample(dict(img_id=5, **fields), CLASSES)


def test_ground_truth_is_read_once(tmp_path, write_png):
    path = write_png(tmp_path / 'a.png', [[7, 0, 9]])
    segments = [dict(id=7, category=0, iscrowd=1), dict(id=9, category=1, iscrowd=0)]
    read = sample(seg_map_path=str(path), segments_info=segments)
    assert read.gt_map.tolist() == [[7, 0, 9]]
    path.unlink()
    assert read.gt_map.tolist() == [[7, 0, 9]]
    assert read.gt_segments.is_crowd.tolist() == [True, False]


def test_predictions():
    read = sample(
        pred_panoptic_seg=dict(sem_seg=torch.tensor([[[1000, 2, 1]]])),
        pred_sem_seg=dict(sem_seg=torch.tensor([[[0, 1, 1]]], dtype=torch.uint8)),
        pred_instances=dict(
            labels=torch.tensor([0]),
            scores=torch.tensor([0.75], dtype=torch.bfloat16),
            panoptic_ids=torch.tensor([1000]),
        ),
    )
    assert read.pred_map.tolist() == [[1000, 2, 1]]
    assert read.pred_labels.tolist() == [[0, 1, 1]]
    assert [values.tolist() for values in read.instances] == [[0], [0.75], [1000]]
    assert read.instances.scores.dtype == np.float64


@pytest.mark.parametrize('key', ['pred_map', 'pred_labels', 'instances', 'gt_map', 'gt_segments'])
def test_what_is_missing_is_named(key):
    with pytest.raises(KeyError, match='image 5'):
        getattr(sample(), key)


def test_instances_of_another_model():
    with pytest.raises(KeyError, match=r"lacks \['panoptic_ids'\].*CocoMetric"):
        _ = sample(pred_instances=dict(labels=0, scores=0, masks=0)).instances


@pytest.mark.parametrize(
    ('fields', 'name'),
    [
        (dict(img_path='root/seq0/000.png', file_name='seq0/000.png'), 'seq0/000.png'),
        (dict(img_path='root/seq0/000.png'), '000.png'),
        # Results stay in their folder, whatever an annotation file says.
        (dict(img_path='root/../x.png', file_name='../x.png'), 'x.png'),
        (dict(img_path='/data/x.png', file_name='/data/x.png'), 'x.png'),
    ],
)
def test_name_of_results(fields, name):
    assert str(sample(**fields).file_name) == name
