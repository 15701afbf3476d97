"""Tools are scripts, not a package: import one by its path."""

import importlib.util
import sys
from types import ModuleType
from unittest import mock

from tests.paths import ROOT


def load_tool(path: str) -> ModuleType:
    """The module of tools/<path>; as for a script, its own folder can be imported from."""
    file = ROOT / 'tools' / path
    spec = importlib.util.spec_from_file_location(f'tool_{file.stem}', file)
    module = importlib.util.module_from_spec(spec)
    with mock.patch.object(sys, 'path', [str(file.parent), *sys.path]):
        spec.loader.exec_module(module)
    return module
