import json
import sys
from types import SimpleNamespace

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.fileio import load
from mmengine.runner import Runner

from tests.commands import run_command
from tests.paths import CONFIGS, ROOT

from .load import load_tool

CONFIG = str(CONFIGS / 'einet_tiny_shapes.py')


@pytest.fixture(scope='module')
def tool():
    return load_tool('test.py')


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / 'some.pth'
    path.touch()
    return str(path)


def test_the_named_checkpoint_is_scored(tool, checkpoint):
    args = tool.parse_args([CONFIG, checkpoint, '--cfg-options', 'resume=True'])
    config = tool.build_config(args)
    assert config.load_from == checkpoint
    assert config.resume is False
    assert not config.default_hooks.visualization.get('draw', False)


def test_drawing_is_switched_on(tool, checkpoint):
    args = tool.parse_args([CONFIG, checkpoint, '--show-dir', 'drawn', '--wait-time', '5'])
    hook = tool.build_config(args).default_hooks.visualization
    assert hook.draw is True and hook.test_out_dir == 'drawn'
    shown = tool.parse_args([CONFIG, checkpoint, '--show', '--wait-time', '5'])
    hook = tool.build_config(shown).default_hooks.visualization
    assert hook.show is True and hook.wait_time == 5


def test_a_missing_checkpoint_is_an_error(tool, capsys):
    with pytest.raises(SystemExit):
        tool.parse_args([CONFIG, 'nowhere/some.pth'])
    assert 'there is no checkpoint nowhere/some.pth' in capsys.readouterr().err


def test_a_checkpoint_may_be_a_url(tool):
    assert tool.parse_args([CONFIG, 'https://example.org/some.pth'])


def test_out_must_be_a_pickle(tool, checkpoint, capsys):
    with pytest.raises(SystemExit):
        tool.parse_args([CONFIG, checkpoint, '--out', 'results.json'])
    assert '--out results.json: the file must end in .pkl' in capsys.readouterr().err


@pytest.mark.parametrize('option', ['--out', '--work-dir', '--show-dir'])
def test_results_that_cannot_be_written(tool, checkpoint, tmp_path, option):
    (tmp_path / 'file').touch()
    place = tmp_path / 'file' / 'results.pkl'
    options = ['--work-dir', str(tmp_path / 'work'), option, str(place)]
    with pytest.raises(SystemExit, match=f'{option}: cannot write to .*file'):
        tool.main([CONFIG, checkpoint, *options])


def test_one_table_and_a_json(tool, checkpoint, tmp_path, capsys):
    args = tool.parse_args([CONFIG, checkpoint])
    metrics = {'panoptic/PQ': 50.0, 'panoptic/PQ_th': float('nan'), 'panoptic/mIoU': 70.0}
    tool.report_scores(metrics, tmp_path, args)
    printed = capsys.readouterr().out
    assert '| PQ    | PQ_th | mIoU  |' in printed and '| 50.00 | -     | 70.00 |' in printed
    content = json.loads((tmp_path / 'scores.json').read_text())
    assert content['scores'] == {'PQ': 50, 'PQ_th': None, 'mIoU': 70}
    assert content['checkpoint'] == checkpoint and content['config'] == CONFIG


def test_no_table_without_scores(tool, checkpoint, tmp_path, capsys):
    tool.report_scores({}, tmp_path, tool.parse_args([CONFIG, checkpoint]))
    assert not capsys.readouterr().out and not (tmp_path / 'scores.json').exists()


@pytest.mark.parametrize('failures', [{}, {'semantic': 'OSError: full', 'segm': 'KeyError: 3'}])
def test_measures_that_failed_are_listed_and_the_status_is_an_error(
    tool, checkpoint, tmp_path, monkeypatch, capsys, failures
):
    metric = SimpleNamespace(failures=failures)
    runner = SimpleNamespace(
        test=lambda: {'panoptic/PQ': 50.0},
        log_dir=str(tmp_path),
        logger=SimpleNamespace(info=print),
        # One metric of ours, and one of somebody else.
        test_evaluator=SimpleNamespace(metrics=[object(), metric]),
    )
    monkeypatch.setattr(Runner, 'from_cfg', lambda _: runner)
    command = [CONFIG, checkpoint, '--work-dir', str(tmp_path)]
    if failures:
        with pytest.raises(SystemExit) as stopped:
            tool.main(command)
        # A text as its code: Python prints it and exits with 1.
        assert stopped.value.code == (
            'These could not be measured:\nsemantic: OSError: full\nsegm: KeyError: 3'
        )
    else:
        tool.main(command)
    assert '50.00' in capsys.readouterr().out


def test_tta_is_switched_on(tool, checkpoint):
    config = tool.build_config(tool.parse_args([CONFIG, checkpoint, '--tta']))
    assert config.model.type == 'EINetTTA'
    assert config.model.module.type == 'EINet'
    assert config.test_dataloader.dataset.pipeline[-1].type == 'TestTimeAug'
    plain = tool.build_config(tool.parse_args([CONFIG, checkpoint]))
    assert plain.model.type == 'EINet'


def test_tta_of_a_config_without_it_is_an_error(tool, checkpoint, tmp_path):
    config = tmp_path / 'plain.py'
    config.write_text('model = dict()\ntest_dataloader = dict(dataset=dict())\n')
    with pytest.raises(SystemExit, match='plain.py has no tta_model and no tta_pipeline; add'):
        tool.main([str(config), checkpoint, '--tta'])


@pytest.mark.slow
def test_tta_end_to_end_on_two_ranks(tmp_path):
    data = tmp_path / 'shapes'
    shapes = ROOT / 'tools' / 'dataset_converters' / 'shapes.py'
    run_command(sys.executable, shapes, data, '--train', 1, '--val', 3, '--size', 64, cwd=tmp_path)
    weights = MODELS.build(Config.fromfile(CONFIG).model).state_dict()
    torch.save(dict(state_dict=weights), tmp_path / 'some.pth')
    options = ['--tta', '--data-root', data, '--work-dir', tmp_path / 'out']
    log = run_command(
        ROOT / 'tools' / 'dist_test.sh', CONFIG, tmp_path / 'some.pth', 2, *options,
        '--out', tmp_path / 'some.pkl', '--show-dir', 'drawn',
        '--cfg-options', 'test_dataloader.num_workers=0',
        'test_dataloader.persistent_workers=False', 'model.fusion.peak_threshold=0.0',
        cwd=tmp_path,
    )  # fmt: skip
    assert 'panoptic/PQ' in log
    assert 'missing keys' not in log and 'unexpected key' not in log
    predictions = load(tmp_path / 'some.pkl')
    assert len(predictions) == 3
    assert all(each['pred_panoptic_seg']['sem_seg'].shape == (1, 64, 64) for each in predictions)
    # The first of the two ranks draws its images, as in mmengine.
    assert len([path for path in tmp_path.rglob('*.*g') if 'drawn' in path.parts]) == 2
