import argparse
import os

import pytest
from mmengine.config import Config
from mmengine.optim import OptimWrapper

from einet.utils import config as config_module
from einet.utils import (
    enable_amp,
    enable_tta,
    load_config,
    set_data_root,
)
from einet_tools.arguments import add_common_arguments

CONTENT = """
train_dataloader = dict(dataset=dict(type='Some', data_root='old/'))
val_dataloader = dict(dataset=dict(type='Some', data_root='old/'))
test_dataloader = val_dataloader
model = dict(depth=50)
"""


@pytest.fixture
def config_file(tmp_path):
    path = tmp_path / 'some_config.py'
    path.write_text(CONTENT)
    return path


def parse(*argv: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_common_arguments(parser)
    parser.add_argument('--work-dir')
    parser.add_argument('--launcher', default='none')
    return parser.parse_args(list(argv))


def test_a_config_without_overrides(config_file):
    config = load_config(parse(str(config_file)))
    assert config.train_dataloader.dataset.data_root == 'old/'
    assert config.launcher == 'none'
    assert config.work_dir == os.path.join('work_dirs', 'some_config')


def test_the_command_line_wins_and_the_more_detailed_option_most(config_file):
    config = load_config(
        parse(
            str(config_file),
            '--data-root',
            'new',
            '--work-dir',
            'out',
            '--launcher',
            'pytorch',
            '--cfg-options',
            'val_dataloader.dataset.data_root=other',
            'model.depth=18',
        )
    )
    roots = [config[f'{s}_dataloader'].dataset.data_root for s in ('train', 'val', 'test')]
    assert roots == ['new', 'other', 'new']
    assert config.model.depth == 18
    assert (config.work_dir, config.launcher) == ('out', 'pytorch')


def test_data_root_among_the_options_reaches_the_data_sets(config_file):
    config = load_config(parse(str(config_file), '--cfg-options', 'data_root=new'))
    roots = [config[f'{s}_dataloader'].dataset.data_root for s in ('train', 'val', 'test')]
    assert roots == ['new'] * 3


def test_work_dir_of_the_file_is_kept(config_file):
    config_file.write_text(CONTENT + "work_dir = 'of_the_file'\n")
    assert load_config(parse(str(config_file))).work_dir == 'of_the_file'


def test_local_rank_is_passed_on_unless_the_launcher_said_it(config_file, monkeypatch):
    args = parse(str(config_file))
    args.local_rank = 3
    monkeypatch.setenv('LOCAL_RANK', '1')
    load_config(args)
    assert os.environ['LOCAL_RANK'] == '1'
    monkeypatch.delenv('LOCAL_RANK')
    load_config(args)
    assert os.environ.pop('LOCAL_RANK') == '3'


def test_data_root_reaches_into_wrappers():
    inner = dict(type='Some', data_root='old')
    wrapped = dict(type='RepeatDataset', times=2, dataset=dict(inner))
    joined = dict(type='ConcatDataset', datasets=[dict(inner), dict(wrapped)])
    config = Config(dict(train_dataloader=dict(dataset=joined), val_dataloader=None))
    set_data_root(config, 'new')
    first, second = config.train_dataloader.dataset.datasets
    assert first.data_root == second.dataset.data_root == 'new'
    assert 'data_root' not in second and 'data_root' not in config.train_dataloader.dataset


def test_data_root_without_data_is_an_error():
    with pytest.raises(ValueError, match='--data-root new.*train_dataloader'):
        set_data_root(Config(dict(model=dict(depth=1))), 'new')


def test_amp_without_an_accelerator_is_an_error(monkeypatch):
    monkeypatch.setattr(config_module, 'get_device', lambda: 'cpu')
    with pytest.raises(ValueError, match='--amp needs an accelerator.*--amp bfloat16'):
        enable_amp(Config(dict(optim_wrapper=dict(type='OptimWrapper'))))


def test_bfloat16_needs_neither_an_accelerator_nor_a_scale(monkeypatch):
    monkeypatch.setattr(config_module, 'get_device', lambda: 'cpu')
    settings = dict(type='AmpOptimWrapper', loss_scale='dynamic', accumulative_counts=4)
    settings |= dict(dtype='float16', use_fsdp=False)
    config = Config(dict(optim_wrapper=settings))
    enable_amp(config, 'bfloat16')
    expected = dict(type='BFloat16OptimWrapper', accumulative_counts=4)
    assert config.optim_wrapper.to_dict() == expected


def test_amp_changes_the_wrapper_and_keeps_what_is_set(monkeypatch):
    monkeypatch.setattr(config_module, 'get_device', lambda: 'cuda')
    config = Config(dict(optim_wrapper=dict(type='OptimWrapper', accumulative_counts=4)))
    enable_amp(config)
    expected = dict(type='AmpOptimWrapper', loss_scale='dynamic', accumulative_counts=4)
    assert config.optim_wrapper.to_dict() == expected
    config.optim_wrapper.loss_scale = 128.0
    enable_amp(config)
    assert config.optim_wrapper.loss_scale == 128.0
    config = Config(dict(optim_wrapper=dict(type=OptimWrapper)))
    enable_amp(config)
    assert config.optim_wrapper.type == 'AmpOptimWrapper'
    with pytest.raises(ValueError, match=r'optim_wrapper\.type is ApexOptimWrapper'):
        enable_amp(Config(dict(optim_wrapper=dict(type='ApexOptimWrapper'))))


def test_tta_wraps_the_model_and_replaces_the_test_pipeline():
    views = [dict(type='TestTimeAug')]
    config = Config(
        dict(
            model=dict(type='EINet', embed_dims=8),
            tta_model=dict(type='EINetTTA'),
            tta_pipeline=views,
            val_dataloader=dict(dataset=dict(pipeline=[])),
            test_dataloader=dict(
                dataset=dict(type='ConcatDataset', datasets=[dict(pipeline=[]), dict(pipeline=[])])
            ),
        )
    )
    enable_tta(config)
    assert config.model == dict(type='EINetTTA', module=dict(type='EINet', embed_dims=8))
    assert [part.pipeline for part in config.test_dataloader.dataset.datasets] == [views, views]
    assert config.val_dataloader.dataset.pipeline == []


@pytest.mark.parametrize('given', ['tta_model', 'tta_pipeline'])
def test_tta_without_its_settings_says_what_to_add(given, config_file):
    config = load_config(parse(str(config_file)))
    config[given] = dict(type='Some')
    (missing,) = {'tta_model', 'tta_pipeline'} - {given}
    with pytest.raises(
        ValueError, match=f'some_config.py has no {missing}; add\n{missing} = '
    ) as error:
        enable_tta(config)
    assert f'{given} =' not in str(error.value)


def test_tta_of_a_model_that_has_none(config_file):
    config = load_config(parse(str(config_file)))
    config.tta_model = None
    with pytest.raises(ValueError, match='its model has no test-time augmentation; leave --tta'):
        enable_tta(config)
