from types import SimpleNamespace

import pytest
import torch

from tests.paths import CONFIGS

from .load import load_tool

CONFIG = str(CONFIGS / 'einet_tiny_shapes.py')


@pytest.fixture(scope='module')
def tool():
    return load_tool('train.py')


def build(tool, *argv: str):
    return tool.build_config(tool.parse_args([CONFIG, *argv]))


def test_defaults(tool):
    config = build(tool)
    assert config.resume is False and config.load_from is None
    assert config.auto_scale_lr.enable is False
    assert config.optim_wrapper.type == 'OptimWrapper'


def test_resume_from_a_file(tool):
    named = build(tool, '--resume', 'some.pth', '--cfg-options', 'load_from=other.pth')
    assert named.resume is True and named.load_from == 'some.pth'


@pytest.mark.parametrize('asked', [['--resume'], ['--cfg-options', 'resume=True']])
def test_resume_from_the_latest(tool, tmp_path, asked):
    options = ['--work-dir', str(tmp_path), *asked]
    assert build(tool, *options).resume is False
    torch.save({}, tmp_path / 'iter_5.pth')
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_5.pth'))
    latest = build(tool, *options)
    assert latest.resume is True and latest.load_from == str(tmp_path / 'iter_5.pth')


def test_auto_scale_lr(tool):
    assert build(tool, '--auto-scale-lr').auto_scale_lr.enable is True
    with pytest.raises(ValueError, match=r'einet_tiny_shapes\.py.*base_batch_size'):
        build(tool, '--auto-scale-lr', '--cfg-options', 'auto_scale_lr._delete_=True')


def test_auto_scale_lr_with_gradient_accumulation_ends_with_a_way_out(tool):
    config = str(CONFIGS / 'einet_r50_coco_1x24g.py')
    with pytest.raises(SystemExit, match=r'16 is not 32, set optim_wrapper\.optimizer\.lr'):
        tool.main([config, '--auto-scale-lr'])


def test_both_spellings_of_local_rank(tool):
    for spelling in ('--local_rank', '--local-rank'):
        assert tool.parse_args([CONFIG, f'{spelling}=2']).local_rank == 2


def test_a_wrong_command_line_ends_with_one_line(tool):
    with pytest.raises(SystemExit, match=r'FileNotFoundError.*missing\.py'):
        tool.main(['missing.py'])


def test_summary_says_where_the_results_are(tool, tmp_path):
    log = tmp_path / '20260101' / 'vis_data' / 'scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text('{"loss": 2.5, "step": 3}\n{"panoptic/PQ": 40.0, "step": 9}\n')
    infos = dict(best_ckpt='w/best.pth', best_score=81.234, last_ckpt='w/iter_9.pth')
    runner = SimpleNamespace(
        iter=9,
        message_hub=SimpleNamespace(runtime_info=infos),
        log_dir='w/logs',
        work_dir=str(tmp_path),
    )
    summary = tool.summarize(runner, seconds=90)
    for part in ('9 iterations in 1.5 minutes', 'w/best.pth (score 81.23)', 'iter_9.pth', 'w/logs'):
        assert part in summary
    drawing = tmp_path / 'curves.svg'
    assert str(drawing) in summary
    assert '>loss<' in drawing.read_text() and '>PQ<' in drawing.read_text()
    infos.clear()
    assert 'checkpoint' not in tool.summarize(runner, seconds=90)
