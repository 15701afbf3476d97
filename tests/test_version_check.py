import importlib
import re
import types

import pytest

from einet import version_check
from einet.version_check import REQUIREMENTS, check_versions
from tests.paths import ROOT


@pytest.fixture
def packages(monkeypatch):
    """Stand-ins for the packages: name -> module, or the error its import raises."""
    found = {r.module: types.SimpleNamespace(__version__=r.minimum) for r in REQUIREMENTS}
    found['mmcv.ops'] = types.SimpleNamespace()

    def import_module(name):
        if isinstance(found.get(name), Exception):
            raise found[name]
        if name not in found:
            raise ModuleNotFoundError(f'No module named {name!r}', name=name)
        return found[name]

    monkeypatch.setattr(version_check.importlib, 'import_module', import_module)
    return found


def message_of_check() -> str:
    with pytest.raises(ImportError) as caught:
        check_versions()
    return str(caught.value)


def test_this_environment_passes():
    check_versions()


def test_the_oldest_supported_versions_pass(packages):
    check_versions()


@pytest.mark.parametrize(
    ('module', 'command'),
    [
        ('torch', 'pip install "torch>='),
        ('mmengine', 'pip install "onedl-mmengine>='),
        ('mmcv', 'pip install --no-build-isolation "onedl-mmcv>='),
        ('mmdet', 'pip install "onedl-mmdetection>='),
        ('mmseg', 'pip install "onedl-mmsegmentation>='),
    ],
)
def test_a_missing_package_is_named_with_its_command(packages, module, command):
    del packages[module]
    message = message_of_check()
    assert f'{module} is missing' in message
    assert command in message
    assert message.count(' * ') == 1


def test_all_missing_packages_are_named_at_once(packages):
    del packages['mmdet'], packages['mmseg']
    message = message_of_check()
    assert 'mmdet is missing' in message
    assert 'mmseg is missing' in message


def test_a_too_old_package_is_named_with_both_versions(packages):
    packages['mmdet'].__version__ = '2.28.2'
    message = message_of_check()
    assert 'mmdet 2.28.2 is too old, 3.3.0 or newer is needed' in message
    assert 'pip install "onedl-mmdetection>=3.3.0"' in message


@pytest.mark.parametrize('version', ['2.0.0', '2.0', '2.0.0+cpu', '2.0.0rc1', '2.13.0+cu128'])
def test_new_enough_torch_however_its_version_is_written(packages, version):
    packages['torch'].__version__ = version
    check_versions()


@pytest.mark.parametrize('version', ['1.13.1', '1.13.1+cu117', '0.4'])
def test_too_old_torch_however_its_version_is_written(packages, version):
    packages['torch'].__version__ = version
    assert f'torch {version} is too old' in message_of_check()


def test_mmcv_without_operators_says_how_to_compile_them(packages):
    packages['mmcv.ops'] = ModuleNotFoundError("No module named 'mmcv._ext'", name='mmcv._ext')
    message = message_of_check()
    assert 'mmcv.ops' in message
    assert "No module named 'mmcv._ext'" in message
    assert 'pip install --no-build-isolation --no-cache-dir --force-reinstall' in message


def test_operators_are_not_blamed_when_a_package_is_missing(packages):
    del packages['torch'], packages['mmcv.ops']
    assert 'mmcv.ops' not in message_of_check()


def test_opencv_without_libgl_says_which_opencv_works(packages):
    packages['mmcv'] = ImportError('libGL.so.1: cannot open shared object file')
    message = message_of_check()
    assert 'mmcv does not import: libGL.so.1' in message
    assert 'opencv-python-headless' in message


def test_a_package_that_lacks_another_is_not_called_missing(packages):
    packages['mmdet'] = ModuleNotFoundError("No module named 'imgaug'", name='imgaug')
    message = message_of_check()
    assert "mmdet does not import: No module named 'imgaug'" in message
    assert 'mmdet is missing' not in message


def test_a_folder_that_hides_a_package_is_reported(packages):
    packages['mmseg'] = types.SimpleNamespace()
    assert 'a folder of that name' in message_of_check()


def test_minimum_versions_agree_with_the_requirements_file():
    lines = (ROOT / 'requirements' / 'mminstall.txt').read_text().splitlines()
    in_file = dict(line.split('>=') for line in lines if not line.startswith('#'))
    in_code = {r.distribution: r.minimum for r in REQUIREMENTS if r.module != 'torch'}
    assert in_file == in_code


def test_versions_are_read_before_anything_is_registered():
    source = (ROOT / 'projects' / 'einet' / '__init__.py').read_text()
    assert re.search(r'check_versions\(\)\s+from \. import', source)
    assert importlib.import_module('einet').__version__
