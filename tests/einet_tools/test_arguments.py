import argparse
import sys
from pathlib import Path

import pytest

from einet_tools.arguments import ConfigOptions, parse_root_and_splits

from ..commands import run_command
from ..paths import ROOT

TOOLS = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ('', 'analysis_tools', 'dataset_converters', 'model_converters')
    for path in (ROOT / 'tools' / folder).glob('*.py')
)
HEAVY = {'cv2', 'einet', 'matplotlib', 'mmcv', 'mmdet', 'mmengine', 'mmseg', 'numpy', 'torch'}


@pytest.mark.parametrize('tool', TOOLS)
def test_help_does_not_wait_for_imports(tool):
    # Each line on stderr ends in `| <module>`.
    out = run_command(sys.executable, '-X', 'importtime', ROOT / tool, '--help', cwd=ROOT)
    assert f'usage: {Path(tool).name}' in out
    imported = {line.split('|')[-1].strip().split('.')[0] for line in out.splitlines()}
    assert 'argparse' in imported
    assert imported & HEAVY == set()


def test_values_of_config_options_are_read_as_mmengine_reads_them():
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=ConfigOptions)
    args = parser.parse_args(['--cfg-options', 'a.b=2', 'c=x,0.5', 'd="[(1,2),(3,4)]"', 'e=None'])
    assert args.cfg_options == {
        'a.b': 2, 'c': ['x', 0.5], 'd': [(1, 2), (3, 4)], 'e': None,
    }  # fmt: skip
    assert parser.parse_args([]).cfg_options is None


def test_options_of_a_converter():
    args = parse_root_and_splits(['data'], 'text', 'folder', ('train', 'val', 'test'))
    assert (args.root, args.splits, args.overwrite) == (Path('data'), ['train', 'val'], False)
    assert 1 <= args.workers <= 8
    chosen = ['data', '--splits', 'test', '--workers', '3', '--overwrite']
    args = parse_root_and_splits(chosen, 'text', 'folder', ('train', 'val', 'test'))
    assert (args.splits, args.workers, args.overwrite) == (['test'], 3, True)
    with pytest.raises(SystemExit):
        parse_root_and_splits(['data', '--splits', 'test'], 'text', 'folder', ('train', 'val'))
