"""What is installed and what is not, found by looking at files: fast, and right after a crash."""

import contextlib
import importlib.util
import re
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path

LOCATE = """
import importlib.util, sysconfig
spec = importlib.util.find_spec('einet')
print(sysconfig.get_path('purelib'))
print(spec.origin if spec else '')
"""


@dataclass(frozen=True)
class Environment:
    """A Python environment that runs.

    Attributes:
        site_packages: The folder pip installs into.
        plugin: The file that `import einet` would load; empty when there is none.
    """

    site_packages: Path
    plugin: str


def locate(python: Path) -> Environment | None:
    """Ask a Python where its packages are; None if it does not run."""
    with contextlib.suppress(OSError):
        done = subprocess.run([python, '-I', '-c', LOCATE], capture_output=True, text=True)
        if done.returncode == 0:
            site_packages, plugin = done.stdout.split('\n')[:2]
            return Environment(Path(site_packages), plugin)
    return None


def read_pins(path: Path) -> dict[str, str]:
    """Read exact pins, `name==version` a line: normalized name -> version."""
    lines = (line.split('#')[0].strip() for line in path.read_text().splitlines())
    pins = dict(line.split('==') for line in lines if line)
    return {_normalize(name): version for name, version in pins.items()}


def read_names(path: Path) -> list[str]:
    """Read the normalized names of a requirements file, without their versions."""
    lines = (line.split('#')[0].strip() for line in path.read_text().splitlines())
    return [_normalize(re.split(r'[<>=!~ ;\[]', line)[0]) for line in lines if line]


def find_missing(pins: dict[str, str], site_packages: Path) -> list[str]:
    """Pins that are not installed, installed in part, or at another version."""
    installed = {}
    for record in site_packages.glob('*.dist-info'):
        if _is_complete(record):
            name, version = record.name.removesuffix('.dist-info').rsplit('-', 1)
            # The local part, as in 2.13.0+cpu, says how it was built.
            installed[_normalize(name)] = version.split('+')[0]
    return [f'{name}=={want}' for name, want in pins.items() if installed.get(name) != want]


def forget_incomplete(site_packages: Path) -> None:
    """Remove the records of interrupted installations: pip would call them satisfied."""
    for record in site_packages.glob('*.dist-info'):
        if not _is_complete(record):
            shutil.rmtree(record)


def find_absent_tools(compiler: str) -> list[str]:
    """Debian packages that the set-up needs, with this Python, and that are absent."""
    found = {
        'python3-venv': importlib.util.find_spec('ensurepip') is not None,
        'python3-dev': (Path(sysconfig.get_path('include')) / 'Python.h').is_file(),
        'g++': shutil.which(compiler) is not None,
    }
    return [package for package, is_there in found.items() if not is_there]


def _normalize(name: str) -> str:
    return name.lower().replace('_', '-').replace('.', '-')


def _is_complete(record: Path) -> bool:
    # pip writes INSTALLER after the last file of a package.
    return (record / 'INSTALLER').is_file()
