"""The tool that breaks the code: what it changes, and where that is seen."""

from pathlib import Path

import pytest

from einet.functional import losses
from einet.models.losses import F

from .load import load_tool

pytest.importorskip('mutmut')


@pytest.fixture(scope='module')
def tool():
    return load_tool('analysis_tools/mutation.py')


@pytest.fixture
def target(tool):
    """A module that is as it was after the test."""
    target = tool.Target(Path('functional', 'losses.py'))
    yield target
    target.change((tool.PACKAGE / 'functional' / 'losses.py').read_text())


def test_mutants_are_made_of_decorated_functions_too(tool):
    mutants = tool.make_mutants(Path('functional', 'segments.py'))
    assert any(
        "-    if reduction == 'sum'" in mutant.diff and "+    if reduction != 'sum'" in mutant.diff
        for mutant in mutants
    )


def test_a_change_is_seen_wherever_the_function_was_imported_to(tool, target):
    source = (tool.PACKAGE / 'functional' / 'losses.py').read_text()
    imported, zeros = losses.instance_push_loss, losses.torch.zeros(2, 3)
    assert imported(zeros) == 3
    target.change(source.replace('F.relu(2 * delta_d', 'F.relu(4 * delta_d'))
    assert imported(zeros) == F.instance_push_loss(zeros) == 6
    target.change(source.replace('delta_d: float = 1.5', 'delta_d: float = 2.5'))
    assert imported(zeros) == 5
    target.change(source.replace('MIN_CONSISTENCY = 1e-6', 'MIN_CONSISTENCY = 0.5'))
    assert losses.MIN_CONSISTENCY == 0.5


def test_files_without_functions_and_missing_tests(tool):
    assert tool.find_files(['functional/losses.py', 'hooks']) == sorted(
        [Path('functional', 'losses.py'), *map(Path, _hooks(tool))]
    )
    with pytest.raises(SystemExit, match='test_nothing.py is missing'):
        tool.find_tests(Path('functional', 'nothing.py'))


def _hooks(tool):
    files = (tool.PACKAGE / 'hooks').glob('*.py')
    return [f'hooks/{file.name}' for file in files if file.name != '__init__.py']


def test_the_table_counts_by_file_and_folder(tool):
    first, second = tool.make_mutants(Path('functional', 'losses.py'))[:2]
    totals = {Path('functional', 'losses.py'): 7, Path('functional', 'images.py'): 3}
    lines = tool.format_table([(first, True), (second, False)], totals).splitlines()
    assert [line.split() for line in lines[1:]] == [
        ['1', '1', '50.0', '%', '10', 'functional/'],
        ['0', '0', '-', '3', 'functional/images.py'],
        ['1', '1', '50.0', '%', '7', 'functional/losses.py'],
    ]
