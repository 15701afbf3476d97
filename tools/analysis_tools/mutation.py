"""Break the code on purpose, one small change at a time, and list the changes no test notices.

The changes (mutants) are mutmut's, in functions and module constants. Each is tried by the fast
tests of its own file: `models/criterion.py` by `tests/models/test_criterion.py`. They are drawn at
random, with a fixed seed, until the sample is tried or the time is over. Those that survive are
written to WORK_DIR/survivors.diff: a test is missing, or the change changes nothing.

    python tools/analysis_tools/mutation.py functional models/heads --sample 300 --minutes 10

Tests are collected once. A mutant is a forked child, in which the file's functions get the changed
code, so that it costs no more than the tests up to the first that fails.
"""

import argparse
import ast
import difflib
import gc
import importlib
import os
import random
import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

import libcst
import pytest
from libcst.metadata import MetadataWrapper
from mutmut.mutation.file_mutation import Mutation, MutationVisitor
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / 'projects' / 'einet'
FOLDERS = ['functional', 'models', 'panoptic_deeplab']


@dataclass(frozen=True)
class Mutant:
    """One file with one change.

    Attributes:
        file: Path inside the package.
        module: The file, parsed.
        mutation: The change.
    """

    file: Path
    module: libcst.Module
    mutation: Mutation

    @property
    def source(self) -> str:
        """The whole file, changed."""
        change = self.mutation
        return self.module.deep_replace(change.original_node, change.mutated_node).code

    @property
    def diff(self) -> str:
        """The change alone."""
        before, after = self.module.code.splitlines(), self.source.splitlines()
        name = str(self.file)
        return '\n'.join(difflib.unified_diff(before, after, name, name, n=0, lineterm=''))


class _Visitor(MutationVisitor):
    """mutmut's, but also into decorated functions: most of functional/ is decorated."""

    def _skip_node_and_children(self, node: libcst.CSTNode) -> bool:
        if isinstance(node, libcst.FunctionDef):
            node = node.with_changes(decorators=())
        return super()._skip_node_and_children(node)


def find_files(paths: list[str]) -> list[Path]:
    """Python files at or below paths inside the package, except those that only import."""
    found = {
        file.relative_to(PACKAGE)
        for path in paths
        for file in (PACKAGE / path, *(PACKAGE / path).rglob('*.py'))
        if file.suffix == '.py' and file.name != '__init__.py'
    }
    return sorted(found)


def make_mutants(file: Path) -> list[Mutant]:
    """All mutants of a file of the package."""
    visitor = _Visitor(mutation_operators, IgnoredCode(set(), set(), set()))
    module = MetadataWrapper(libcst.parse_module((PACKAGE / file).read_text())).visit(visitor)
    return [
        Mutant(file, module, mutation)
        for mutation in visitor.mutations
        if isinstance(mutation.contained_by_top_level_function, libcst.FunctionDef | None)
    ]


def find_tests(file: Path) -> Path:
    """Tests of a file of the package."""
    tests = ROOT / 'tests' / file.parent / f'test_{file.stem}.py'
    if not tests.is_file():
        raise SystemExit(f'{file} has no tests: {tests.relative_to(ROOT)} is missing.')
    return tests


class Target:
    """A module whose functions can be given other code, wherever they were imported to.

    Args:
        file: Path inside the package.
    """

    def __init__(self, file: Path) -> None:
        name = '.'.join(('einet', *file.with_suffix('').parts))
        self.module: ModuleType = importlib.import_module(name)
        path = self.module.__file__
        self.functions = [
            each
            for each in gc.get_objects()
            if isinstance(each, FunctionType) and each.__code__.co_filename == path
        ]

    def change(self, source: str) -> None:
        """Take constants, default values and code from another text of the module."""
        tree = ast.parse(source)
        for node in tree.body:
            if isinstance(node, ast.Assign | ast.AnnAssign):
                self._execute(ast.Module([node], type_ignores=[]), 'exec')
        codes = dict(_codes(compile(tree, str(self.module.__file__), 'exec')))
        definitions = dict(_definitions(tree, ''))
        for function in self.functions:
            name = function.__code__.co_qualname
            if name in definitions:
                arguments = definitions[name].args
                function.__defaults__ = tuple(self._evaluate(d) for d in arguments.defaults)
                function.__kwdefaults__ = {
                    argument.arg: self._evaluate(default)
                    for argument, default in zip(
                        arguments.kwonlyargs, arguments.kw_defaults, strict=True
                    )
                    if default is not None
                }
            function.__code__ = codes.get(name, function.__code__)

    def _evaluate(self, node: ast.expr) -> object:
        return self._execute(ast.Expression(node), 'eval')

    def _execute(self, tree: ast.Module | ast.Expression, mode: str) -> object:
        code = compile(ast.fix_missing_locations(tree), str(self.module.__file__), mode)
        return eval(code, vars(self.module))  # noqa: S307 - code of this project


def _codes(code: CodeType) -> Iterator[tuple[str, CodeType]]:
    """Qualified name and code of everything that is defined in a module's code."""
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield inner.co_qualname, inner
            yield from _codes(inner)


def _definitions(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Qualified name and definition of a module's functions and methods."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef):
            yield prefix + child.name, child
        elif isinstance(child, ast.ClassDef):
            yield from _definitions(child, f'{prefix}{child.name}.')


class MutationLoop:
    """A pytest plugin: runs the tests once as they are, then the mutants.

    Args:
        mutants: In this order.
        deadline: No mutant is begun after this, ``time.monotonic()``.
        survivors: File that takes the changes no test noticed.
    """

    def __init__(self, mutants: list[Mutant], deadline: float, survivors: Path) -> None:
        self.mutants = mutants
        self.deadline = deadline
        self.survivors = survivors
        self.results: list[tuple[Mutant, bool]] = []
        self._durations: dict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember how long a test takes."""
        self._durations[report.nodeid] += report.duration

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Instead of pytest's own loop."""
        if _fails(session, session.items):
            raise pytest.UsageError('A test fails without any change.')
        # The fastest first: most mutants fall at once.
        items = defaultdict(list)
        for item in sorted(session.items, key=lambda item: self._durations[item.nodeid]):
            items[item.path].append(item)
        limits = {
            path: 10 + int(10 * sum(self._durations[item.nodeid] for item in own))
            for path, own in items.items()
        }
        targets = {file: Target(file) for file in {mutant.file for mutant in self.mutants}}
        with open(self.survivors, 'w') as survivors:
            for count, mutant in enumerate(self.mutants, start=1):
                if time.monotonic() > self.deadline:
                    break
                path = find_tests(mutant.file)
                killed = _is_killed(
                    session, items[path], targets[mutant.file], mutant, limits[path]
                )
                self.results.append((mutant, killed))
                if not killed:
                    print(mutant.diff, file=survivors, flush=True)
                print(f'\r{count} of {len(self.mutants)}', end='', flush=True)
        return True


def _is_killed(
    session: pytest.Session, items: list[pytest.Item], target: Target, mutant: Mutant, limit: int
) -> bool:
    """Whether a test fails, or takes longer than ``limit`` seconds, in a child with the change."""
    child = os.fork()
    if child == 0:
        signal.alarm(limit)
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        try:
            target.change(mutant.source)
            os._exit(_fails(session, items))
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1] != 0


def _fails(session: pytest.Session, items: list[pytest.Item]) -> bool:
    """Run tests up to the first that fails."""
    for item in items:
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        if session.testsfailed:
            return True
    return False


def format_table(results: list[tuple[Mutant, bool]], totals: dict[Path, int]) -> str:
    """Killed, survived and share per file and folder, and how many mutants there are in all."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for file, total in totals.items():
        outcomes = [killed for mutant, killed in results if mutant.file == file]
        for name in (str(file), f'{file.parts[0]}/'):
            for place, number in enumerate((sum(outcomes), len(outcomes), total)):
                counts[name][place] += number
    lines = ['  killed survived    share   of all']
    for name, (killed, tried, total) in sorted(counts.items()):
        share = f'{100 * killed / tried:.1f} %' if tried else '-'
        lines.append(f'{killed:8} {tried - killed:8} {share:>8} {total:8}  {name}')
    return '\n'.join(lines)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        'paths', nargs='*', default=FOLDERS, help='files or folders inside projects/einet'
    )
    parser.add_argument('--sample', type=int, help='how many mutants to draw (all)')
    parser.add_argument('--minutes', type=float, default=20, help='limit on the time (20)')
    parser.add_argument('--seed', type=int, default=0, help='of the draw (0)')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs', 'mutation'))
    return parser.parse_args()


def main() -> None:
    """Draw, try, print the table."""
    arguments = _parse_arguments()
    deadline = time.monotonic() + 60 * arguments.minutes
    mutants = {file: make_mutants(file) for file in find_files(arguments.paths)}
    drawn = [mutant for of_file in mutants.values() for mutant in of_file]
    random.Random(arguments.seed).shuffle(drawn)
    drawn = drawn[: arguments.sample]

    arguments.work_dir.mkdir(parents=True, exist_ok=True)
    loop = MutationLoop(drawn, deadline, arguments.work_dir / 'survivors.diff')
    tests = sorted({str(find_tests(mutant.file)) for mutant in drawn})
    options = ['-q', '-s', '-p', 'no:cacheprovider', '-m', 'not slow and not gpu']
    if pytest.main([*options, f'--rootdir={ROOT}', *tests], plugins=[loop]) != 0:
        raise SystemExit('Nothing was tried: the tests must pass first.')
    print('\n' + format_table(loop.results, {file: len(made) for file, made in mutants.items()}))
    print(f'{len(loop.results)} of {len(drawn)} mutants were tried. Survivors: {loop.survivors}')


if __name__ == '__main__':
    main()
