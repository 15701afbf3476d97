"""Check an environment that somebody else made; change nothing. Called by the Makefile.

Run by that environment's own Python: `python tools/setup/check_env.py [requirements file ...]`.
"""

import importlib.metadata
import runpy
import sys
from pathlib import Path

from state import read_names

ROOT = Path(__file__).resolve().parents[2]


def find_problems(requirements: list[str]) -> list[str]:
    """What is missing or too old, each with the command that helps.

    Args:
        requirements: Requirements files whose packages must be installed, relative to the project.
    """
    problems = []
    try:
        # By its path: `import einet` would need what is to be checked.
        runpy.run_path(str(ROOT / 'projects' / 'einet' / 'version_check.py'))['check_versions']()
    except ImportError as error:
        problems.append(str(error))
    for file in requirements:
        absent = [name for name in read_names(ROOT / file) if not _is_installed(name)]
        if absent:
            install = f'{sys.executable} -m pip install -r {file}'
            problems.append(f'Missing: {", ".join(absent)}. Install them: {install}')
    return problems


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def main() -> int:
    """Print what is wrong; 0 if nothing is."""
    problems = find_problems(sys.argv[1:])
    for problem in problems:
        print(problem)
    if problems:
        print(f'Nothing was changed in the environment of {sys.executable}.')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
