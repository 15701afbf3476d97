import json

import pytest

from .load import load_tool

compare = load_tool('analysis_tools/compare.py')


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
            if self.seed == 8:
                raise OSError('No space left on device')
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


@pytest.mark.parametrize(('seed', 'text'), [('7', 'train.py failed'), ('8', 'No space left')])
def test_a_failed_run_does_not_stop_the_others(tmp_path, config, fake_tools, capsys, seed, text):
    command = [str(config), '--work-dir', str(tmp_path / 'out'), '--seeds', seed, '1']
    with pytest.raises(SystemExit, match='1 of 2 runs failed'):
        compare.main(command)
    assert text in capsys.readouterr().out
    assert '| small | 1 | 51.0 |' in (tmp_path / 'out' / 'comparison.md').read_text()


def test_two_configs_of_one_name(tmp_path, config, capsys):
    with pytest.raises(SystemExit):
        compare.main([str(config), str(config), '--work-dir', str(tmp_path)])
    assert 'same name' in capsys.readouterr().err


def test_missing_config(tmp_path, capsys):
    with pytest.raises(SystemExit):
        compare.main([str(tmp_path / 'none.py'), '--work-dir', str(tmp_path)])
    assert 'there is no config' in capsys.readouterr().err


def test_variants_are_rows_of_the_last_config(tmp_path, config, fake_tools):
    variants = tmp_path / 'variants.py'
    variants.write_text("variants = dict(y={'x': 2}, deep={'a.b': 3})\n")
    out = tmp_path / 'out'
    compare.main([str(config), '--variants', str(variants), '--work-dir', str(out), '--seeds', '1'])
    assert list(json.loads((out / 'comparison.json').read_text())) == [
        'small',
        'small-y',
        'small-deep',
    ]
    assert compare.Config.fromfile(out / 'small-y/seed1/small-y.py').x == 2
    deep = compare.Config.fromfile(out / 'small-deep/seed1/small-deep.py')
    assert (deep.x, deep.a.b) == (1, 3)


def test_some_of_the_variants(tmp_path, config, fake_tools):
    variants = tmp_path / 'variants.py'
    variants.write_text("variants = dict(y={'x': 2}, deep={'a.b': 3})\n")
    command = [str(config), '--variants', str(variants), '--work-dir', str(tmp_path / 'out')]
    compare.main([*command, '--seeds', '1', '--only', 'deep'])
    rows = json.loads((tmp_path / 'out' / 'comparison.json').read_text())
    assert list(rows) == ['small', 'small-deep']
    with pytest.raises(SystemExit, match=r"no \['z'\]; it has \['y', 'deep'\]"):
        compare.main([*command, '--only', 'deep', 'z'])
    with pytest.raises(SystemExit):
        compare.main([*command[:1], *command[3:], '--only', 'deep'])


def test_figures_of_a_training(tmp_path):
    first, second = tmp_path / '1' / 'vis_data', tmp_path / '2' / 'vis_data'
    for folder in (first, second):
        folder.mkdir(parents=True)
    line = '{{"loss": 1.0, "time": {}, "centers_cosine_things": {}}}\n'
    (first / 'scalars.json').write_text(line.format(9.0, 0.5) + '{"panoptic/PQ": 50.0}\n')
    (second / 'scalars.json').write_text(line.format(1.0, 0.7) + line.format(2.0, 0.25))
    assert compare.training_figures(tmp_path) == {'cosine': 0.25, 'step': 2.0}
    # One class of things has no pair.
    (second / 'scalars.json').write_text(line.format(1.0, -1.0))
    assert compare.training_figures(tmp_path / 'none') == {}
    (first / 'scalars.json').write_text(line.format(4.0, -1.0))
    assert compare.training_figures(tmp_path) == {'step': 2.5}


def test_nothing_left_to_train_on(tmp_path, config, capsys):
    with pytest.raises(SystemExit):
        compare.main([str(config), '--holdout', '1', '--work-dir', str(tmp_path)])
    assert '--holdout 1' in capsys.readouterr().err
