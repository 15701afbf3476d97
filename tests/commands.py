"""Run the tools as a user does."""

import os
import subprocess
import sys

from .paths import ROOT


def command_environment() -> dict[str, str]:
    """Environment in which the tools find the package and the modules of the tests."""
    return {
        **os.environ,
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
