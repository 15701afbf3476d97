import sys
from datetime import timedelta

import pytest
from mmengine.config import Config

from einet.utils import distributed, leave_cpu_ranks, prepare_cpu_ranks

from ..commands import run_command


@pytest.fixture
def opened(monkeypatch):
    """No accelerator; calls of init_process_group are recorded instead of made."""
    calls = []
    monkeypatch.setattr(distributed, 'get_device', lambda: 'cpu')
    monkeypatch.setattr(
        distributed.torch_dist, 'init_process_group', lambda *a, **k: calls.append((a, k))
    )
    return calls


def config(launcher: str = 'pytorch', **kwargs) -> Config:
    env_cfg = dict(cudnn_benchmark=True, dist_cfg=dict(backend='nccl'))
    return Config(dict(launcher=launcher, env_cfg=env_cfg, sync_bn='torch', **kwargs))


def test_cpu_ranks_use_gloo_no_device_and_no_synchronized_norm(opened):
    prepared = config()
    assert prepare_cpu_ranks(prepared)
    assert opened == [(('gloo',), dict(timeout=None))]
    assert prepared.env_cfg.to_dict() == dict(cudnn_benchmark=True, dist_cfg=dict(backend='gloo'))
    assert prepared.sync_bn is None
    assert prepared.model_wrapper_cfg.to_dict() == dict(
        type='MMDistributedDataParallel',
        broadcast_buffers=False,
        find_unused_parameters=False,
        device_ids=None,
    )


def test_what_the_config_says_about_ranks_is_kept(opened):
    prepared = config(model_wrapper_cfg=dict(type='Own', broadcast_buffers=True))
    prepared.env_cfg.dist_cfg.timeout = 90
    prepared.find_unused_parameters = True
    prepare_cpu_ranks(prepared)
    wrapper = prepared.model_wrapper_cfg
    assert (wrapper.type, wrapper.broadcast_buffers, wrapper.device_ids) == ('Own', True, None)
    assert wrapper.find_unused_parameters
    assert opened[0][1] == dict(timeout=timedelta(seconds=90))


def test_one_process_and_accelerators_are_left_to_mmengine(opened, monkeypatch):
    for launcher, device in (('none', 'cpu'), ('pytorch', 'cuda'), ('slurm', 'cuda')):
        monkeypatch.setattr(distributed, 'get_device', lambda device=device: device)
        untouched = config(launcher)
        assert not prepare_cpu_ranks(untouched)
        assert untouched.to_dict() == config(launcher).to_dict()
    assert not opened


@pytest.mark.parametrize('launcher', ['slurm', 'mpi'])
def test_other_launchers_without_an_accelerator_are_an_error(opened, launcher):
    with pytest.raises(ValueError, match=rf'--launcher {launcher}.*dist_train\.sh'):
        prepare_cpu_ranks(config(launcher))


def test_one_process_goes_on_after_its_work():
    leave_cpu_ranks()


def test_a_rank_ends_with_what_is_registered_for_it(tmp_path):
    code = """
import atexit, sys
from torch import distributed
from einet.utils import leave_cpu_ranks
distributed.init_process_group('gloo', init_method=f'file://{sys.argv[1]}', rank=0, world_size=1)
atexit.register(print, 'registered')
print('done')
leave_cpu_ranks()
print('after it')
"""
    output = run_command(sys.executable, '-c', code, tmp_path / 'store', cwd=tmp_path)
    assert [line for line in output.splitlines() if line in ('done', 'registered', 'after it')] == [
        'done',
        'registered',
    ]
