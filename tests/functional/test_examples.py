import doctest
import importlib
import inspect
import pkgutil

import pytest

import einet.functional

MODULES = [
    importlib.import_module(f'einet.functional.{module.name}')
    for module in pkgutil.iter_modules(einet.functional.__path__)
]
FUNCTIONS = [
    function
    for module in MODULES
    for name, function in inspect.getmembers(module, inspect.isfunction)
    if function.__module__ == module.__name__ and not name.startswith('_')
]


# Not `doctest.testmod`: it passes over functions with a decorator of another module.
@pytest.mark.parametrize('function', FUNCTIONS, ids=lambda function: function.__name__)
def test_every_public_function_has_an_example_that_runs(function):
    finder = doctest.DocTestFinder(recurse=False)
    globs = vars(inspect.getmodule(function))
    (test,) = finder.find(inspect.unwrap(function), function.__name__, globs=globs)
    assert test.examples, f'{function.__name__} has no `Example:` in its docstring'
    report = []
    doctest.DocTestRunner().run(test, out=report.append)
    assert not report, ''.join(report)
