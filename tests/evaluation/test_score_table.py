import json
import math

import numpy as np

from einet.evaluation.score_table import score_table, select_scores, write_scores

METRICS = {
    'panoptic/mIoU': 50.0,
    'panoptic/PQ': 40.126,
    'panoptic/PQ_th': math.nan,
    'panoptic/PQ/car': 12.0,
    'panoptic/AP50': 3.0,
    'panoptic/AP': np.float32(1.5),
}


def test_columns_of_a_paper_in_their_order():
    scores = select_scores(METRICS)
    assert list(scores) == ['PQ', 'PQ_th', 'AP', 'mIoU']
    lines = score_table(scores).splitlines()
    assert lines[1].split() == ['|', 'PQ', '|', 'PQ_th', '|', 'AP', '|', 'mIoU', '|']
    assert lines[3].split() == ['|', '40.13', '|', '-', '|', '1.50', '|', '50.00', '|']


def test_a_name_that_two_metrics_have():
    scores = select_scores(METRICS | {'coco/AP': 2, 'mIoU': 7})
    assert scores['coco/AP'] == 2 and scores['panoptic/AP'] == 1.5 and 'AP' not in scores
    assert scores['mIoU'] == 7


def test_json_has_null_for_what_was_not_measured(tmp_path):
    write_scores(tmp_path / 'scores.json', METRICS, checkpoint='some.pth')
    text = (tmp_path / 'scores.json').read_text()
    content = json.loads(text, parse_constant=lambda name: 1 / 0)
    assert content['checkpoint'] == 'some.pth'
    assert content['scores'] == {'PQ': 40.126, 'PQ_th': None, 'AP': 1.5, 'mIoU': 50.0}
    assert content['metrics']['panoptic/PQ/car'] == 12
    assert content['metrics']['panoptic/PQ_th'] is None
