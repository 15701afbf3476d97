"""Make the tested environment in `.venv`. Called by the Makefile.

Uses the standard library only. What is there is found by looking, so a call after a failure or an
interruption goes on, and one that finds everything there takes less than a second.
"""

import contextlib
import fcntl
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from state import find_absent_tools, find_missing, forget_incomplete, locate, read_names, read_pins
from steps import Failure, run_step

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / 'requirements'
LOCK = REQUIREMENTS / 'lock.txt'
PINS = read_pins(LOCK)
PLUGIN = str(ROOT / 'projects' / 'einet' / '__init__.py')
VENV = ROOT / '.venv'
PYTHON = VENV / 'bin' / 'python'
LOGS = VENV / 'setup-logs'
# Holds the fingerprint of the pins that were seen to work.
STAMP = VENV / 'einet-verified'
OLDEST, NEWEST = (3, 11), (3, 13)
FOREIGN = 'To use an environment of your own: make demo PYTHON=/path/to/its/python'

# To import is not enough: a wheel built for another torch may load and fail at the first call.
OPERATORS = """
import torch
from mmcv.ops import nms
boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 9.0], [20.0, 0.0, 30.0, 10.0]])
kept = nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5)[1].tolist()
assert kept == [0, 2], f'mmcv.ops.nms keeps boxes {kept} instead of [0, 2]'
"""
# Fails when mmcv's build would look for CUDA's compiler in vain.
CUDA_COMPILER = """
import torch
from torch.utils.cpp_extension import CUDA_HOME
assert CUDA_HOME or not torch.cuda.is_available()
"""


def is_ready() -> bool:
    """Whether `.venv` holds every pin, the plugin, and operators that were seen to work."""
    if not STAMP.is_file() or STAMP.read_text() != _fingerprint():
        return False
    found = locate(PYTHON)
    return (
        found is not None and found.plugin == PLUGIN and not find_missing(PINS, found.site_packages)
    )


def install() -> None:
    """Do what is missing, in the order that works.

    Raises:
        Failure: A step failed.
    """
    site_packages = _make_venv()
    _install_packages(site_packages)
    if find_missing({'onedl-mmcv': PINS['onedl-mmcv']}, site_packages):
        _install_mmcv()
    if not _runs(OPERATORS) and _runs('import cv2, mmcv, torch'):
        print("    mmcv's operators do not load: its wheel may be for another torch.")
        _install_mmcv('--no-cache-dir', '--force-reinstall')
    code = OPERATORS + 'import mmdet.models, mmseg.models'
    title = "Check that OpenCV, mmcv's operators, mmdet and mmseg load (10 seconds)"
    run_step(title, [PYTHON, '-I', '-c', code], LOGS / 'check.log')
    found = locate(PYTHON)
    if found is None or found.plugin != PLUGIN:
        options = ('--no-build-isolation', '--no-deps', '-e', str(ROOT))
        _pip('EINet itself, in place (seconds)', 'einet', *options)
    STAMP.write_text(_fingerprint())


def _make_venv() -> Path:
    absent = find_absent_tools(os.environ.get('CXX', 'c++'))
    if absent:
        raise Failure(
            f'Missing on this machine: {", ".join(absent)}.\n'
            f'Install them, as root: apt-get update && apt-get install -y {" ".join(absent)}'
        )
    if locate(PYTHON) is None or not _runs('import pip'):
        title = f'Virtual environment in {VENV} (seconds)'
        run_step(title, [sys.executable, '-m', 'venv', VENV], LOGS / 'venv.log')
    found = locate(PYTHON)
    if found is None:
        raise Failure(f'{PYTHON} does not run. Remove {VENV}.')
    forget_incomplete(found.site_packages)
    return found.site_packages


def _install_packages(site_packages: Path) -> None:
    torch = find_missing({'torch': PINS['torch']}, site_packages)
    if torch:
        _pip('PyTorch (1 to 5 minutes, by network)', 'torch', *torch, '-c', str(LOCK))
    # Before the rest: packages that come as source are built with what the environment has.
    names = read_names(REQUIREMENTS / 'build.txt')
    tools = find_missing({name: PINS[name] for name in names}, site_packages)
    if tools:
        _pip('Build tools (seconds)', 'build', *tools, '-c', str(LOCK))
    others = {name: pin for name, pin in PINS.items() if name != 'onedl-mmcv'}
    rest = find_missing(others, site_packages)
    if rest:
        title = f'{len(rest)} packages: OpenMMLab and what it needs (1 to 3 minutes, by network)'
        _pip(title, 'packages', '--no-build-isolation', '--no-deps', *rest)


def _install_mmcv(*options: str) -> None:
    env = {} if 'MAX_JOBS' in os.environ else {'MAX_JOBS': str(_parallel_compilers())}
    if not _runs(CUDA_COMPILER):
        print(
            '    There is a GPU but no CUDA compiler (CUDA_HOME): mmcv gets CPU operators only.\n'
            '    EINet trains on the GPU all the same; detectors that need mmcv there do not.'
        )
        env['CUDA_VISIBLE_DEVICES'] = ''
    title = (
        'mmcv, with its operators compiled (the longest step; seconds when pip has the wheel in '
        'its cache)'
    )
    pin = f'onedl-mmcv=={PINS["onedl-mmcv"]}'
    _pip(title, 'mmcv', '-v', '--no-build-isolation', '--no-deps', *options, pin, **env)


def _parallel_compilers() -> int:
    """One compiler for each core, as far as memory goes: each takes up to 1 GB."""
    gigabytes = os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 1e9
    return max(1, min(len(os.sched_getaffinity(0)), int(gigabytes / 1.5)))


def _pip(title: str, log: str, *arguments: str, **env: str) -> None:
    run_step(title, [PYTHON, '-m', 'pip', 'install', *arguments], LOGS / f'{log}.log', env)


def _runs(code: str) -> bool:
    return subprocess.run([PYTHON, '-I', '-c', code], capture_output=True).returncode == 0


def _fingerprint() -> str:
    return hashlib.sha256(LOCK.read_bytes()).hexdigest()


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let a second call, as of `make test` beside `make demo`, wait for the first."""
    with Path(__file__).open() as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print('Waiting for another set-up of this folder to end ...', flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Make the environment complete; 0 if it is."""
    # As Ctrl-C: end the compilers too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        print(
            f'Python 3.11 to 3.13 is needed; {sys.executable} is {sys.version.split()[0]}.\n'
            f'Give another one: make setup BASE_PYTHON=python3.11\n{FOREIGN}'
        )
        return 1
    try:
        with one_at_a_time():
            if not is_ready():
                print('Setting up .venv; the first time takes about 10 to 20 minutes on 2 cores.')
                install()
        print(f'Environment: {VENV}', flush=True)
        return 0
    except Failure as failure:
        print(f'\n{failure}\nThen run the same command again: it goes on from here.\n{FOREIGN}')
    except KeyboardInterrupt:
        print('\nInterrupted. Run the same command again: it goes on from here.')
    return 1


if __name__ == '__main__':
    sys.exit(main())
