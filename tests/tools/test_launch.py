"""The commands that the launch scripts run, seen by a program that takes the place of theirs."""

import subprocess
import sys

import pytest

from tests.commands import command_environment
from tests.paths import ROOT

TOOLS = ROOT / 'tools'
RECORD = f"""#!{sys.executable}
import os, sys
print(*sys.argv[1:], sep='\\n')
print('PYTHONPATH', os.environ['PYTHONPATH'].split(':')[0])
print('MASTER_PORT', os.environ.get('MASTER_PORT'))
"""


@pytest.fixture
def launch(tmp_path):
    """Runs a script of tools; returns the arguments of srun or of Python, one a line."""
    for name in ('srun', 'python'):
        (tmp_path / name).write_text(RECORD)
        (tmp_path / name).chmod(0o755)

    def run(script, *arguments, code=0, **environment):
        inherited = command_environment()
        del inherited['PYTHON']  # so that the scripts take the one in PATH
        path = f'{tmp_path}:{inherited["PATH"]}'
        result = subprocess.run(
            ['bash', TOOLS / script, *arguments],
            env={**inherited, 'PATH': path, **environment},
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert result.returncode == code, result.stderr
        return (result.stdout or result.stderr).splitlines()

    return run


def test_slurm_asks_for_a_task_per_gpu(launch):
    *words, path, port = launch(
        'slurm_train.sh', 'gpu', 'einet', 'c.py', 'work dir', '--resume', '--amp', GPUS='16'
    )
    assert words == [
        '--partition=gpu',
        '--job-name=einet',
        '--gres=gpu:8',
        '--ntasks=16',
        '--ntasks-per-node=8',
        '--cpus-per-task=5',
        '--kill-on-bad-exit=1',
        'python',
        '-u',
        str(TOOLS / 'train.py'),
        'c.py',
        '--work-dir',
        'work dir',
        '--launcher',
        'slurm',
        '--resume',
        '--amp',
    ]
    assert path == f'PYTHONPATH {TOOLS}/../projects' and port == 'MASTER_PORT 29500'


def test_slurm_takes_what_the_environment_says(launch):
    settings = dict(
        GPUS='6',
        GPUS_PER_NODE='3',
        CPUS_PER_TASK='9',
        SRUN_ARGS='--time=10 --exclusive',
        PORT='1234',
        PYTHON='/opt/python',
    )
    words = launch('slurm_test.sh', 'p', 'j', 'c.py', 'c.pth', '--tta', **settings)
    assert words[2:6] == ['--gres=gpu:3', '--ntasks=6', '--ntasks-per-node=3', '--cpus-per-task=9']
    assert words[7:11] == ['--time=10', '--exclusive', '/opt/python', '-u']
    assert words[11:17] == [str(TOOLS / 'test.py'), 'c.py', 'c.pth', '--launcher', 'slurm', '--tta']
    assert words[-1] == 'MASTER_PORT 1234'
    assert launch('slurm_test.sh', 'p', 'j', 'c.py', 'c.pth', GPUS='2')[2] == '--gres=gpu:2'


@pytest.mark.parametrize('script', ['slurm_train.sh', 'slurm_test.sh'])
def test_slurm_without_all_arguments(launch, script):
    (usage,) = launch(script, 'gpu', 'einet', 'c.py', code=2)
    assert usage.startswith('usage: ') and 'PARTITION JOB_NAME CONFIG' in usage


def test_one_machine_chooses_a_free_port(launch):
    words = launch('dist_train.sh', 'c.py', '4', '--amp')
    assert words[:-2] == [
        '-m',
        'torch.distributed.run',
        '--standalone',
        '--nproc_per_node=4',
        str(TOOLS / 'train.py'),
        'c.py',
        '--launcher',
        'pytorch',
        '--amp',
    ]


def test_several_machines_meet_at_the_first(launch):
    where = dict(NNODES='2', NODE_RANK='1', MASTER_ADDR='10.0.0.7', PORT='1234')
    words = launch('dist_test.sh', 'c.py', 'c.pth', '4', '--out', 'x.pkl', **where)
    assert words[2:7] == [
        '--nnodes=2',
        '--node_rank=1',
        '--master_addr=10.0.0.7',
        '--master_port=1234',
        '--nproc_per_node=4',
    ]
    script = str(TOOLS / 'test.py')
    assert words[7:-2] == [script, 'c.py', 'c.pth', '--launcher', 'pytorch', '--out', 'x.pkl']
    # A port alone is that of this machine.
    words = launch('dist_train.sh', 'c.py', '4', PORT='1234')
    assert words[2:4] == ['--nnodes=1', '--node_rank=0'] and '--master_port=1234' in words


@pytest.mark.parametrize(('script', 'given'), [('dist_train.sh', 1), ('dist_test.sh', 2)])
def test_ranks_without_all_arguments(launch, script, given):
    (usage,) = launch(script, *['x'] * given, code=2)
    assert usage.startswith('usage: ') and 'RANKS' in usage
