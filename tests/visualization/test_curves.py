import json

import pytest

from einet.visualization.curves import draw_curves, read_curves


@pytest.fixture
def work_dir(tmp_path):
    """A run that was resumed at step 20, with a score from each part."""

    def write(folder, *entries):
        path = tmp_path / folder / 'vis_data' / 'scalars.json'
        path.parent.mkdir(parents=True)
        path.write_text(''.join(f'{json.dumps(entry)}\n' for entry in entries))

    train = [dict(loss=5.0, loss_heatmap=4.0, lr=0.1, time=1.0, step=step) for step in (10, 20)]
    write('20260101_000000', *train, {'panoptic/PQ': 30.0, 'panoptic/SQ': 80.0, 'step': 20})
    resumed = dict(loss=3.0, loss_heatmap=0.0, lr=0.1, time=1.0, step=20)
    write('20260101_010000', resumed, {'panoptic/PQ': 40.5, 'step': 30})
    return tmp_path


def test_a_resumed_run_is_one(work_dir):
    losses, scores = read_curves(work_dir)
    assert losses == {'loss': [(10, 5.0), (20, 3.0)], 'loss_heatmap': [(10, 4.0), (20, 0.0)]}
    assert scores == {'PQ': [(20, 30.0), (30, 40.5)]}


@pytest.mark.parametrize('rest', ['{"loss": 3.0, "st', '\0\0\0\0', '\xff\xfe'])
def test_an_incomplete_last_line_is_left_out(work_dir, rest):
    expected = read_curves(work_dir)
    with (work_dir / '20260101_010000' / 'vis_data' / 'scalars.json').open('ab') as file:
        file.write(rest.encode('latin-1'))
    assert read_curves(work_dir) == expected


def test_without_a_log_there_is_nothing(tmp_path):
    assert read_curves(tmp_path) == ({}, {})


def test_the_drawing_names_its_curves_and_is_the_same_every_time(work_dir):
    losses, scores = read_curves(work_dir)
    losses['loss_unused'] = [(10, 0.0), (20, 0.0)]
    drawn = draw_curves(losses, scores)
    assert drawn.startswith('<svg')
    assert '>loss_heatmap<' in drawn
    assert '>PQ<' in drawn
    # What is 0 has no place on a logarithmic axis.
    assert 'loss_unused' not in drawn
    assert drawn == draw_curves(losses, scores)
