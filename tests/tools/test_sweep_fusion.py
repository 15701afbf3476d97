"""The sweep, on a narrow untrained model and 4 synthetic images, beside what tools/test.py says."""

import json

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from einet.functional.heatmap import find_peaks
from einet.models.outputs import EINetOutputs
from tests.models.samples import make_sample

from .load import load_tool
from .narrow import narrow_model

sweep = load_tool('analysis_tools/sweep_fusion.py')


def test_settings_are_all_combinations():
    assert sweep.settings({}) == [{}]
    assert sweep.settings({'a': [1, 2], 'b': 'x'}) == [{'a': 1, 'b': 'x'}, {'a': 2, 'b': 'x'}]


@pytest.fixture
def sample():
    """16 x 24 pixels, 4 x 6 cells: class 1 at the left, class 0 at the right, stuff 2, void."""
    return make_sample((16, 24), [(1, 4, 4, 12, 8), (0, 16, 0, 24, 12)], void_rows=3)


def test_true_semantics_leave_void_alone(sample):
    logits = torch.full((3, 4, 6), -1.5)
    truth = sweep.true_semantics(logits, sample)
    assert truth.argmax(dim=0)[1].tolist() == [2, 1, 1, 2, 0, 0]
    assert truth[:, 3, 0].tolist() == [0, 0, 20]
    assert truth[:, 0, 0].tolist() == [-1.5] * 3


@pytest.mark.parametrize('channels', [1, 2])
def test_true_peaks_stand_at_the_centroids(sample, channels):
    heatmap = sweep.true_peaks(torch.zeros(channels, 4, 6), sample).sigmoid()
    peaks = find_peaks(heatmap, kernel_size=3, threshold=0.5, top_k=9)
    found = zip(peaks.xy.tolist(), peaks.labels.tolist(), strict=True)
    # The centroids are the pixels (7.5, 5.5) and (19.5, 5.5), of cells of 4 x 4 pixels.
    labels = [1, 0] if channels > 1 else [0, 0]
    assert sorted(found) == sorted(zip([[1, 1], [4, 1]], labels, strict=True))


def test_one_oracle_at_a_time(sample):
    maps = sweep_maps()
    semantics = sweep.given(maps, sample, 'semantics')
    assert semantics.heatmap_logits is maps.heatmap_logits
    assert semantics.semantic_logits.max() == 20
    peaks = sweep.given(maps, sample, 'peaks')
    assert peaks.semantic_logits is maps.semantic_logits
    assert sweep.given(maps, sample, 'none') is maps


def sweep_maps():
    """Maps of 4 x 6 cells that say nothing."""
    maps = dict.fromkeys(EINetOutputs._fields, torch.zeros(2, 4, 6))
    return EINetOutputs(**maps | {'semantic_logits': torch.zeros(3, 4, 6)})


def test_an_output_of_another_kind_is_refused(tmp_path):
    (tmp_path / 'some.pth').touch()
    with pytest.raises(SystemExit, match=r'--out: .*sweep\.csv must be a \.json file'):
        sweep.main(['c.py', str(tmp_path / 'some.pth'), '--out', str(tmp_path / 'sweep.csv')])


@pytest.mark.slow
@pytest.mark.parametrize(
    'base', ['einet_tiny_shapes', 'panoptic_deeplab/panoptic-deeplab_tiny_shapes']
)
def test_scores_are_those_of_a_test(tmp_path, base):
    file, checkpoint, data_root = narrow_model(tmp_path, f'{base}.py')
    out = tmp_path / 'sweep.json'
    sweep.main(
        [file, checkpoint, '--data-root', data_root, '--grid', 'peak_threshold=0.0,0.9']
        + ['--oracles', '--out', str(out), '--device', 'cpu']
    )
    results = json.loads(out.read_text())
    assert len(results) == 4 * 2
    config = Config.fromfile(file)
    config.merge_from_dict(
        {
            'test_dataloader.dataset.data_root': data_root,
            'test_dataloader.num_workers': 0,
            'test_dataloader.persistent_workers': False,
            'load_from': checkpoint,
            'work_dir': str(tmp_path / 'work'),
        }
    )
    expected = Runner.from_cfg(config).test()
    assert results[0]['oracle'] == 'none'
    for name in ('PQ', 'PQ_th', 'PQ_st'):
        assert results[0][name] == pytest.approx(expected[f'panoptic/{name}'], abs=0.006)
    by_oracle = {row['oracle']: row for row in results if row['peak_threshold'] == 0.9}
    # With the truth given, only the grid of the maps is in the way.
    assert by_oracle['semantics']['PQ_st'] > 70 > by_oracle['none']['PQ_st']
    assert by_oracle['both']['PQ_st'] == by_oracle['semantics']['PQ_st']
