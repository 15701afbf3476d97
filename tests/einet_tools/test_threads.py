import os
import sys

import pytest

from einet_tools.threads import share_cores

from ..commands import run_command
from ..paths import ROOT

# Runs a tool up to the first import of what loads OpenMP, or needs it.
UP_TO_TORCH = """
import os, runpy, sys
os.environ.pop('OMP_WAIT_POLICY', None)
sys.modules |= dict.fromkeys(('mmcv', 'mmengine', 'numpy', 'torch'))
try:
    runpy.run_path(sys.argv[0], run_name='__main__')
except ImportError:
    print(os.environ.get('OMP_WAIT_POLICY'))
"""


@pytest.mark.parametrize('users', [None, 'active'])
def test_the_users_environment_wins(monkeypatch, users):
    monkeypatch.setattr(os, 'environ', {'OMP_WAIT_POLICY': users} if users else {})
    share_cores()
    assert os.environ == {'OMP_WAIT_POLICY': users or 'passive'}


@pytest.mark.parametrize(
    ('tool', 'arguments'),
    [
        ('train', ['some.py', '--cfg-options', 'a=1']),
        ('train', ['some.py']),
        ('test', ['some.py', 'README.md']),
        ('image_demo', ['some.png', 'some.py', 'README.md']),
        ('analysis_tools/contact_sheet', ['some.py', 'README.md']),
        ('analysis_tools/sweep_fusion', ['some.py', 'README.md']),
    ],
)
def test_a_tool_sets_it_before_openmp_is_loaded(tool, arguments):
    code = f'import sys; sys.argv = {[f"tools/{tool}.py", *arguments]}\n' + UP_TO_TORCH
    assert run_command(sys.executable, '-c', code, cwd=ROOT) == 'passive\n'
