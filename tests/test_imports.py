"""Folders of the package stand in layers, so that none imports another in a circle."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / 'projects' / 'einet'

#: A folder imports from rows above its own only: neither from its own row nor from below.
LAYERS = (
    {'structures', 'schedulers', 'utils'},
    {'functional'},
    {'datasets', 'evaluation', 'models'},
    {'hooks', 'panoptic_deeplab', 'visualization'},
)
FOLDERS = sorted(path.parent.name for path in PACKAGE.glob('*/__init__.py'))


def imported_folders(path: Path) -> Iterator[str]:
    """Folders of the package that a file imports from."""
    package = ['einet', *path.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            start = package[: len(package) + 1 - node.level] if node.level else []
            module = start + (node.module.split('.') if node.module else [])
            names = [module + [alias.name] for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name.split('.') for alias in node.names]
        else:
            continue
        yield from (name[1] for name in names if name[0] == 'einet' and name[1:2] != [])


def test_every_folder_has_its_layer():
    assert FOLDERS == sorted(set().union(*LAYERS)), 'a new folder needs its row in LAYERS'


@pytest.mark.parametrize('folder', FOLDERS)
def test_imports_come_from_layers_above(folder):
    row = next(number for number, layer in enumerate(LAYERS) if folder in layer)
    allowed = {folder}.union(*LAYERS[:row])
    for path in (PACKAGE / folder).rglob('*.py'):
        foreign = set(imported_folders(path)) & set(FOLDERS) - allowed
        assert not foreign, f'{path} imports from {foreign}; {folder} may use {sorted(allowed)}'
