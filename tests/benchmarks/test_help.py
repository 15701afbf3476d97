import sys

import pytest

from tests.commands import run_command
from tests.paths import ROOT

FILES = [
    path for path in sorted((ROOT / 'benchmarks').glob('*.py')) if '__main__' in path.read_text()
]


@pytest.mark.slow
@pytest.mark.parametrize('file', FILES, ids=lambda file: file.stem)
def test_imports_and_command_line(file, tmp_path):
    assert f'usage: {file.name}' in run_command(sys.executable, file, '--help', cwd=tmp_path)
