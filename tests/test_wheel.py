"""The wheel: holds what `mim` needs, and trains without the repository."""

from __future__ import annotations

import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from .commands import run_command
from .paths import CONFIGS, ROOT

pytestmark = pytest.mark.slow

# Of use in a checkout only.
LEFT_OUT = {'tools/setup', 'tools/demo.sh'}
SHIPPED = ('configs', 'demo', 'tools', 'weights')
BUILD = """
import sys
from setuptools import build_meta
print(getattr(build_meta, f'build_{sys.argv[1]}')(sys.argv[2]))
"""


def _build(kind: str, source: Path, out: Path) -> Path:
    """Build as `python -m build` does, without an environment of its own."""
    printed = run_command(sys.executable, '-c', BUILD, kind, out, cwd=source)
    suffix = {'sdist': '.tar.gz', 'wheel': '.whl'}[kind]
    name = [line for line in printed.splitlines() if line.endswith(suffix)][-1]
    return out / name.split()[-1]


@pytest.fixture(scope='module')
def wheel(tmp_path_factory) -> Path:
    """The wheel of the source distribution, so that what the latter lacks is missing here."""
    folder = tmp_path_factory.mktemp('build')
    checkout = folder / 'checkout'
    for part in ('projects', *SHIPPED, 'requirements'):
        ignore = shutil.ignore_patterns('__pycache__', '*.egg-info')
        shutil.copytree(ROOT / part, checkout / part, ignore=ignore)
    for file in ROOT.iterdir():
        if file.is_file():
            shutil.copy(file, checkout)
    source = _build('sdist', checkout, folder)
    shutil.unpack_archive(source, folder / 'source', filter='data')
    (unpacked,) = (folder / 'source').iterdir()
    return _build('wheel', unpacked, folder)


@pytest.fixture(scope='module')
def names(wheel) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


def _files(folder: str) -> set[str]:
    files = (file for file in (ROOT / folder).rglob('*') if file.is_file())
    paths = (file.relative_to(ROOT) for file in files if '__pycache__' not in file.parts)
    return {
        path.as_posix()
        for path in paths
        if not LEFT_OUT & {path.as_posix(), *(parent.as_posix() for parent in path.parents)}
    }


def test_holds_the_package_its_configs_and_its_tools(names):
    code = {f for f in _files('projects') if f.endswith('.py') or '/assets/' in f}
    package = {file.removeprefix('projects/') for file in code}
    mim = {f'einet/.mim/{file}' for folder in SHIPPED for file in _files(folder)}
    mim.add('einet/.mim/model-index.yml')
    rest = names - package - mim
    assert package | mim <= names
    assert all(name.startswith('einet-') and '.dist-info/' in name for name in rest)
    assert any(name.endswith('/licenses/LICENSE') for name in rest)


def test_trains_from_the_installed_files(wheel, tmp_path):
    site = tmp_path / 'site'
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    mim = site / 'einet' / '.mim'

    def run(*command):
        return run_command(sys.executable, *command, cwd=tmp_path, PYTHONPATH=str(site))

    assert str(site / 'einet' / '__init__.py') in run('-c', 'import einet; print(einet.__file__)')
    run(mim / 'tools/dataset_converters/shapes.py', 'data/shapes', '--train', 4, '--val', 2)
    options = ('train_cfg.max_iters=2', 'train_cfg.val_interval=2', 'train_dataloader.batch_size=2')
    log = run(
        mim / 'tools/train.py',
        mim / 'configs/einet_tiny_shapes.py',
        '--cfg-options',
        *options,
        *('param_scheduler.0.end=1', 'param_scheduler.1.begin=1'),
    )
    assert 'panoptic/PQ' in log
    assert (tmp_path / 'work_dirs/einet_tiny_shapes/iter_2.pth').is_file()
    assert str(CONFIGS) not in log


def test_segments_the_shipped_image_from_the_installed_files(wheel, tmp_path):
    site = tmp_path / 'site'
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    environment = dict(cwd=tmp_path, PYTHONPATH=str(site))
    printed = run_command(sys.executable, '-m', 'einet_tools.doctor', **environment)
    assert f'({site / "einet"})' in printed
    assert 'EINet works here.' in printed
