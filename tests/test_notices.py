import ast
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


def assert_starts_quietly(code):
    result = subprocess.run(
        [sys.executable, '-c', code],
        cwd=ROOT,
        env={'PYTHONPATH': 'projects', 'PATH': '/usr/bin:/bin'},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert 'OneDL' not in result.stdout + result.stderr
    assert 'faster_coco_eval' not in result.stderr


def test_starts_quietly():
    assert_starts_quietly('import einet')


@pytest.mark.slow
@pytest.mark.parametrize(
    'tool',
    [
        'train',
        'test',
        'image_demo',
        'check_dataset',
        'analysis_tools/contact_sheet',
        'analysis_tools/sweep_fusion',
        'analysis_tools/compare',
    ],
)
def test_tools_start_quietly(tool):
    # As a module: all imports, then nothing.
    assert_starts_quietly(f"import runpy; runpy.run_path('tools/{tool}.py')")


def test_tools_import_einet_before_what_it_keeps_quiet():
    for path in (ROOT / 'tools').rglob('*.py'):
        modules = [
            (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).split('.')[0]
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        loud = [modules.index(name) for name in ('mmdet', 'mmseg') if name in modules]
        assert not loud or modules.index('einet') < min(loud), path
