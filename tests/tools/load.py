"""Tools are scripts, not a package: import one by its path."""

import importlib.util
from types import ModuleType

from tests.paths import ROOT


def load_tool(path: str) -> ModuleType:
    """The module of tools/<path>, which imports nothing from its own folder."""
    file = ROOT / 'tools' / path
    spec = importlib.util.spec_from_file_location(f'tool_{file.stem}', file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
