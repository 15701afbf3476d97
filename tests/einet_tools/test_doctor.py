import importlib
import importlib.metadata
import importlib.util
import re
import sys
import types

import mmcv.ops
import numpy as np
import pytest
import torch

from einet.utils import published, self_check
from einet_tools import doctor
from einet_tools.doctor import FAILED, MISSING, OK

from ..commands import run_command
from ..paths import ROOT

RESULT = np.repeat([[1000, 1000, 2000, 1]], 200, axis=0)


@pytest.fixture
def result(tmp_path, monkeypatch):
    """A stored result, which the model gives again, in place of the shipped one."""
    monkeypatch.setattr(self_check, 'shipped_folder', lambda: tmp_path)
    monkeypatch.setattr(self_check, 'segment_demo', lambda: RESULT)
    self_check.store_result(RESULT)


def hide(monkeypatch, *modules):
    """Make modules look as if they were not installed."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, 'find_spec', lambda name: None if name in modules else find(name)
    )


def break_import(monkeypatch, module, error):
    load = importlib.import_module

    def import_module(name, *args):
        if name == module:
            raise error
        return load(name, *args)

    monkeypatch.setattr(importlib, 'import_module', import_module)


def texts(lines, state):
    return [line.text for line in lines if line.state == state]


def test_all_is_well_here():
    printed = run_command(sys.executable, '-m', 'einet_tools.doctor', cwd=ROOT / 'docs')
    assert 'FAILED' not in printed
    assert 'ok       mmcv operators run on cpu' in printed
    assert f'ok       torch {torch.__version__}' in printed
    assert 'einet_r18_nuclei on demo/nuclei.png' in printed
    assert 'EINet works here.' in printed


def test_a_missing_package_fails_with_its_command(monkeypatch):
    error = ModuleNotFoundError("No module named 'mmseg'", name='mmseg')
    break_import(monkeypatch, 'mmseg', error)
    monkeypatch.delitem(sys.modules, 'mmseg')
    failed = texts(doctor.check_packages(), FAILED)
    assert failed == ['mmseg is missing. Install it: pip install "onedl-mmsegmentation>=1.2.0"']


def test_a_package_that_only_runs_need_fails_too(monkeypatch):
    break_import(monkeypatch, 'PIL', ImportError('no libjpeg'))
    failed = texts(doctor.check_packages(), FAILED)
    assert failed == ['PIL: no libjpeg. Install it: pip install pillow']


def test_a_module_of_another_distribution_has_that_ones_version(monkeypatch):
    version = importlib.metadata.version('pytest')
    monkeypatch.delattr(sys.modules['_pytest'], '__version__')
    assert doctor._version('_pytest', 'pytest-of-another-name') == version
    monkeypatch.setattr(importlib.metadata, 'packages_distributions', dict)
    assert doctor._version('_pytest', 'pytest-of-another-name') == '(version unknown)'


def test_an_einet_that_does_not_import_is_said_and_the_rest_goes_on(monkeypatch):
    break_import(monkeypatch, 'einet', ImportError('einet cannot be used:\n  * mmcv is'))
    lines = list(doctor.check_packages())
    assert texts(lines, FAILED) == ['einet does not import: einet cannot be used']
    assert any(text.startswith('torch ') for text in texts(lines, OK))


def test_a_torchvision_of_another_torch_fails_and_none_is_well(monkeypatch):
    hide(monkeypatch, 'torchvision')
    assert list(doctor._check_torchvision()) == []
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: types.SimpleNamespace())
    error = RuntimeError('operator torchvision::nms does not exist\nsecond line')
    break_import(monkeypatch, 'torchvision', error)
    (line,) = doctor._check_torchvision()
    assert line.state == FAILED
    assert 'operator torchvision::nms does not exist. Nothing needs it: pip unin' in line.text


def test_operators_that_do_not_load_fail(monkeypatch):
    monkeypatch.setitem(sys.modules, 'mmcv.ops', None)
    (line,) = doctor.check_operators()
    assert line.state == FAILED
    assert 'compiled operators (mmcv.ops) do not load' in line.text
    assert '--no-build-isolation --no-cache-dir --force-reinstall' in line.text


@pytest.mark.parametrize(
    ('nms', 'reason'),
    [
        (lambda *args: 1 / 0, 'mmcv operators on cpu: division by zero. Compile mmcv anew'),
        (lambda *args: (None, torch.tensor([1, 0, 2])), r'nms kept boxes \[1, 0, 2\] and not'),
    ],
)
def test_operators_that_fail_or_compute_otherwise_fail(nms, reason, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(mmcv.ops, 'nms', nms)
    (line,) = doctor.check_operators()
    assert line.state == FAILED
    assert re.search(reason, line.text)


def test_operators_that_lack_a_gpu_s_code_are_missing_only(monkeypatch):
    nms = mmcv.ops.nms

    def nms_of_cpus(boxes, *args):
        assert boxes.device.type == 'cpu', 'not compiled'
        return nms(boxes, *args)

    monkeypatch.setattr(mmcv.ops, 'nms', nms_of_cpus)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    cpu, gpu = doctor.check_operators()
    assert cpu == (OK, 'mmcv operators run on cpu')
    assert gpu.state == MISSING
    assert gpu.text.startswith('mmcv operators on cuda: ')
    assert gpu.text.endswith('. EINet does not need them there; other models of mmdet do')


def test_absent_optional_packages_say_what_for(monkeypatch):
    hidden = ('onnxruntime', 'panopticapi')
    hide(monkeypatch, *hidden)
    missing = [t for t in texts(doctor.check_optional(), MISSING) if t.split(',')[0] in hidden]
    assert missing == [
        'onnxruntime, for running exported models: pip install onnxruntime',
        "panopticapi, for mmdet's CocoPanopticMetric; ours needs none: "
        'pip install --no-deps panopticapi-lite',
    ]


def test_packages_are_those_of_the_requirements():
    def names(file):
        lines = (ROOT / 'requirements' / file).read_text().splitlines()
        return {line for line in lines if not line.startswith('#')}

    optional = {distribution for distribution, _ in doctor.OPTIONAL.values()}
    assert names('optional.txt') == optional - {'--no-deps panopticapi-lite'}
    # OpenCV has several distributions, so no file asks for one of them.
    assert names('runtime.txt') == set(doctor.RUNTIME.values()) - {'opencv-python-headless'}


@pytest.mark.parametrize(
    ('gpus', 'driver', 'line'),
    [
        (['H200'], '/usr/bin/nvidia-smi', (OK, 'accelerator cuda:0, H200')),
        ([], '/usr/bin/nvidia-smi', (MISSING, 'finds no CUDA device, though there is an NVIDIA')),
        ([], None, (OK, 'no accelerator, computes on the CPU (cores: ')),
    ],
)
def test_accelerators(gpus, driver, line, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: bool(gpus))
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: len(gpus))
    monkeypatch.setattr(torch.cuda, 'get_device_name', lambda index: gpus[index])
    monkeypatch.setattr(doctor.shutil, 'which', lambda name: driver)
    (found,) = doctor.check_accelerator()
    assert found.state == line[0]
    assert line[1] in found.text


def test_the_stored_result_again_is_well(result):
    assert list(doctor.check_model()) == [
        (OK, 'einet_r18_nuclei on demo/nuclei.png: 2 nuclei, 100.00 % of the pixels as stored')
    ]


def test_another_result_fails(result, monkeypatch):
    other = RESULT.copy()
    other[:4, 0] = 1  # 4 of 800 pixels: 99.5 % are as stored
    monkeypatch.setattr(self_check, 'segment_demo', lambda: other)
    assert next(doctor.check_model()).state == OK
    other[4, 0] = 1
    (line,) = doctor.check_model()
    assert line.state == FAILED
    assert '2 nuclei, 99.38 % of the pixels as stored, 99.5 % are expected' in line.text
    assert line.text.endswith('make setup')


def test_a_result_is_stored_when_asked_for(result, tmp_path, monkeypatch):
    other = np.where(RESULT == 2000, 1, RESULT)
    monkeypatch.setattr(self_check, 'segment_demo', lambda: other)
    (line,) = doctor.store_result()
    assert line.text == (
        f'einet_r18_nuclei on demo/nuclei.png: 1 nuclei, stored in {tmp_path / self_check.RESULT}'
    )
    np.testing.assert_array_equal(self_check.stored_result(), other)


def test_a_wrong_checksum_makes_the_exit_status_1(monkeypatch, capsys):
    monkeypatch.setattr(published, '_CHECKSUM', 'Training Data')
    for check in ('packages', 'accelerator', 'operators', 'optional'):
        monkeypatch.setattr(doctor, f'check_{check}', lambda: iter(()))
    assert doctor.main([]) == 1
    printed = capsys.readouterr().out
    assert 'FAILED   model: ValueError: the published weights' in printed
    assert 'are damaged, their SHA-256 is' in printed
    assert printed.endswith('FAILED checks: 1\n')


def test_a_check_that_breaks_down_is_a_line_and_the_next_one_runs(monkeypatch, capsys, result):
    def check_operators():
        yield doctor.Line(OK, 'half of them')
        raise OSError('no such device')

    monkeypatch.setattr(doctor, 'check_operators', check_operators)
    assert doctor.main([]) == 1
    printed = capsys.readouterr().out
    assert 'ok       half of them\nFAILED   operators: OSError: no such device\n' in printed
    assert '100.00 % of the pixels as stored' in printed
