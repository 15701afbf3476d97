import json

import numpy as np
import pytest

from .load import load_tool

table = load_tool('analysis_tools/comparison_table.py')
compare = load_tool('analysis_tools/compare.py')

SCORES = {
    'reference': {0: {'PQ': 60.0, 'AP': None}, 1: {'PQ': 64.0, 'AP': None}},
    'other': {0: {'PQ': 61.0, 'AP': 20.0}, 1: {'PQ': 68.0, 'AP': 26.0}, 2: {'PQ': 99.0}},
}


def test_mean_spread_and_paired_difference():
    comparison = table.compare_scores(SCORES)
    assert comparison['reference']['PQ'] == {
        'values': {0: 60.0, 1: 64.0},
        'mean': 62.0,
        'std': pytest.approx(8**0.5),
    }
    other = comparison['other']['PQ']
    assert other['mean'] == 76.0
    assert other['difference'] == 2.5  # of seeds 0 and 1: 1 and 4
    assert other['interval'] == (1.0, 4.0)
    assert 'AP' not in comparison['reference']  # not measured
    assert comparison['other']['AP']['mean'] == 23.0
    assert 'difference' not in comparison['other']['AP']


def test_interval_against_all_resamples():
    differences = (3.0, -1.0, 5.0)
    means = sorted(
        np.mean([a, b, c]) for a in differences for b in differences for c in differences
    )
    low, high = table.paired_interval(differences)
    assert means[0] <= low <= means[1]
    assert means[-2] <= high <= means[-1]


def test_table():
    lines = table.format_table(table.compare_scores(SCORES)).splitlines()
    assert lines[0] == '| config | seeds | PQ | AP |'
    assert lines[2] == '| reference | 2 | 62.0 ± 2.8 | - |'
    assert lines[3].startswith('| other | 3 | 76.0 ± 20.2 (+2.5) | 23.0 ± 4.2')


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'small.py'
    path.write_text('x = 1\n')
    return path


@pytest.fixture
def fake_tools(monkeypatch):
    """Tools that write what the real ones would, and the calls made."""
    calls = []

    def call(self, tool, *arguments, seed=False):
        calls.append((tool, self.seed, arguments))
        if tool == 'train.py':
            (self.folder / 'last_checkpoint').write_text('last.pth')
            if self.seed == 7:
                raise RuntimeError('train.py failed')
        else:
            log = self.folder / '20260101'
            log.mkdir()
            (log / 'scores.json').write_text(
                json.dumps({'scores': {'PQ': 50.0 + self.seed, 'AP': None}})
            )

    monkeypatch.setattr(compare.Run, '_call', call)
    return calls


def test_runs_are_made_once_and_reused(tmp_path, config, fake_tools, capsys):
    command = [str(config), '--work-dir', str(tmp_path / 'out'), '--seeds', '1', '2']
    compare.main(command)
    assert [call[:2] for call in fake_tools] == [
        ('train.py', 1),
        ('test.py', 1),
        ('train.py', 2),
        ('test.py', 2),
    ]
    assert fake_tools[1][2] == ('last.pth',)
    assert '| small | 2 | 51.5 ± 0.7 |' in (tmp_path / 'out' / 'comparison.md').read_text()
    compare.main(command)
    assert len(fake_tools) == 4
    assert '[2/2]' in capsys.readouterr().out


def test_other_settings_are_not_mixed(tmp_path, config, fake_tools):
    command = [str(config), '--work-dir', str(tmp_path / 'out'), '--seeds', '1']
    compare.main(command)
    with pytest.raises(SystemExit, match='1 of 1 runs failed'):
        compare.main([*command, '--cfg-options', 'x=2'])
    config.write_text('x = 3\n')
    with pytest.raises(SystemExit, match='1 of 1 runs failed'):
        compare.main(command)


def test_a_failed_run_does_not_stop_the_others(tmp_path, config, fake_tools, capsys):
    command = [str(config), '--work-dir', str(tmp_path / 'out'), '--seeds', '7', '1']
    with pytest.raises(SystemExit, match='1 of 2 runs failed'):
        compare.main(command)
    assert 'train.py failed' in capsys.readouterr().out
    assert '| small | 1 | 51.0 |' in (tmp_path / 'out' / 'comparison.md').read_text()


def test_two_configs_of_one_name(tmp_path, config, capsys):
    with pytest.raises(SystemExit):
        compare.main([str(config), str(config), '--work-dir', str(tmp_path)])
    assert 'same name' in capsys.readouterr().err


def test_missing_config(tmp_path, capsys):
    with pytest.raises(SystemExit):
        compare.main([str(tmp_path / 'none.py'), '--work-dir', str(tmp_path)])
    assert 'there is no config' in capsys.readouterr().err
