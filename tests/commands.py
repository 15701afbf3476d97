"""Run the tools as a user does."""

import os
import subprocess
import sys

from .paths import ROOT

# What the launch scripts and the launchers read, which a developer's shell may have set.
_LAUNCH = {
    'NNODES',
    'NODE_RANK',
    'GPUS',
    'GPUS_PER_NODE',
    'CPUS_PER_TASK',
    'SRUN_ARGS',
    'PORT',
    'RANK',
    'WORLD_SIZE',
    'LOCAL_RANK',
    'LOCAL_WORLD_SIZE',
    'MASTER_ADDR',
    'MASTER_PORT',
}


def command_environment() -> dict[str, str]:
    """Environment in which the tools find the package and the modules of the tests.

    Nothing in it says that the tools are part of a launch on several ranks or machines.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in _LAUNCH and not name.startswith('SLURM_')
    }
    return {
        **inherited,
        'PYTHONPATH': f'{ROOT / "projects"}:{ROOT / "tests"}',
        'PYTHON': sys.executable,
        'OMP_NUM_THREADS': '1',
    }


def run_command(*command, cwd, **environment) -> str:
    """Run a command that must succeed.

    Args:
        *command: Program and arguments.
        cwd: Where to run it.
        **environment: More variables.

    Returns:
        What it printed.
    """
    result = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**command_environment(), **environment},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-5000:]
    return result.stdout + result.stderr
