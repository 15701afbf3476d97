import io
import subprocess
import sys

import pytest

from einet.notices import without_notices

from .paths import ROOT


def test_only_the_unwanted_lines_are_left_out(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, 'stdout', stream)
    with without_notices():
        print('before')
        print('Could not import OneDL. Skipping OneDL datasets.')
        print('Could not import numpy')
        print()
        print('Could not import OneDL')
        kept = sys.stdout
    print('Could not import OneDL')
    kept.write('a logger\n')
    assert stream.getvalue() == (
        'before\nCould not import numpy\n\nCould not import OneDL\na logger\n'
    )


@pytest.mark.parametrize(
    'command',
    [
        ['-c', 'import einet'],
        *(
            [f'tools/{tool}.py', '--help']
            for tool in (
                'train',
                'test',
                'image_demo',
                'check_dataset',
                'analysis_tools/contact_sheet',
                'analysis_tools/compare',
            )
        ),
    ],
    ids=lambda command: command[-2],
)
def test_starts_quietly(command):
    result = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={'PYTHONPATH': 'projects', 'PATH': '/usr/bin:/bin'},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert 'OneDL' not in result.stdout + result.stderr
    assert 'faster_coco_eval' not in result.stderr
