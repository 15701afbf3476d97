import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.paths import ROOT

REQUIREMENTS = ROOT / 'requirements'


@pytest.fixture
def state(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / 'tools' / 'setup')
    import state

    return state


@pytest.fixture
def steps(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / 'tools' / 'setup')
    import steps

    return steps


def record(site_packages, name, complete=True):
    folder = site_packages / f'{name}.dist-info'
    folder.mkdir()
    (folder / 'METADATA').touch()
    if complete:
        (folder / 'INSTALLER').write_text('pip')
    return folder


class TestState:
    def test_finds_what_is_absent_outdated_or_incomplete(self, state, tmp_path):
        record(tmp_path, 'torch-2.13.0+cpu')
        record(tmp_path, 'typing_extensions-4.16.0')
        record(tmp_path, 'numpy-1.26.4')
        record(tmp_path, 'scipy-1.17.1', complete=False)
        pins = {
            'torch': '2.13.0',
            'typing-extensions': '4.16.0',
            'numpy': '2.2.6',
            'scipy': '1.17.1',
            'tqdm': '4.70.1',
        }
        missing = state.find_missing(pins, tmp_path)
        assert missing == ['numpy==2.2.6', 'scipy==1.17.1', 'tqdm==4.70.1']

    def test_forgets_only_interrupted_installations(self, state, tmp_path):
        whole = record(tmp_path, 'numpy-2.2.6')
        partial = record(tmp_path, 'scipy-1.17.1', complete=False)
        state.forget_incomplete(tmp_path)
        assert whole.exists()
        assert not partial.exists()

    def test_reads_pins_with_comments(self, state, tmp_path):
        file = tmp_path / 'pins.txt'
        file.write_text('# first\nPyYAML==6.0.3  # why\n\ntyping_extensions==4.16.0\n')
        assert state.read_pins(file) == {'pyyaml': '6.0.3', 'typing-extensions': '4.16.0'}

    def test_locates_the_running_environment(self, state):
        found = state.locate(sys.executable)
        assert found.site_packages == Path(sysconfig.get_path('purelib'))

    def test_locates_nothing_without_a_working_python(self, state, tmp_path):
        assert state.locate(tmp_path / 'python') is None

    def test_names_the_package_of_an_absent_compiler(self, state):
        assert 'g++' in state.find_absent_tools('no-such-compiler')


class TestSteps:
    def test_a_failure_tells_its_end_and_the_way_out(self, steps, tmp_path):
        code = "print('one'); print('fatal error: Python.h: No such file'); raise SystemExit(3)"
        with pytest.raises(steps.Failure) as caught:
            command = [sys.executable, '-c', code]
            steps.run_step('Compile it (13 minutes)', command, tmp_path / 'step.log')
        message = str(caught.value)
        assert message.startswith('Failed with status 3: Compile it\n')
        assert '| fatal error: Python.h' in message
        assert 'apt-get install python3-dev' in message

    def test_an_unknown_failure_names_the_log(self, steps, tmp_path):
        log = tmp_path / 'step.log'
        with pytest.raises(steps.Failure, match=re.escape(str(log))):
            steps.run_step('Break', [sys.executable, '-c', 'raise SystemExit(1)'], log)

    def test_a_long_step_shows_that_it_is_alive(self, steps, tmp_path, monkeypatch, capsys):
        monkeypatch.setattr(steps, 'HEARTBEAT_SECONDS', 0.2)
        code = "import time; print('[7/78] c++ nms.cpp', flush=True); time.sleep(1)"
        steps.run_step('Compile', [sys.executable, '-c', code], tmp_path / 'step.log')
        assert '0:00 min: 7 of 78 files compiled' in capsys.readouterr().out

    @pytest.mark.parametrize(
        ('log', 'stands'),
        [
            ('', 'no output yet'),
            ('Collecting numpy\n  Downloading numpy.whl\n\n', 'Downloading numpy.whl'),
            ('  [7/78] c++ a.cpp\nwarning: b\n  [12/78] c++ c.cpp\nwarning', '12 of 78'),
        ],
    )
    def test_progress_is_read_from_the_log(self, steps, log, stands):
        assert steps.last_progress(log).startswith(stands)

    def test_pip_does_not_see_packages_outside(self, steps, monkeypatch):
        monkeypatch.setenv('PYTHONPATH', '/somewhere')
        assert 'PYTHONPATH' not in steps.pip_environment()


class TestRequirements:
    @pytest.mark.parametrize('file', ['build', 'mminstall', 'runtime', 'tests'])
    def test_every_requirement_is_pinned(self, state, file):
        pins = state.read_pins(REQUIREMENTS / 'lock.txt')
        assert [n for n in state.read_names(REQUIREMENTS / f'{file}.txt') if n not in pins] == []

    def test_torchvision_and_opencv_with_windows_stay_out(self, state):
        pins = state.read_pins(REQUIREMENTS / 'lock.txt')
        assert not {'torchvision', 'timm', 'opencv-python'} & set(pins)


class TestMakefile:
    def make(self, *arguments):
        command = ['make', '--no-print-directory', *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    def test_help_lists_every_target(self):
        targets = re.findall(r'^([a-z-]+):.*##', (ROOT / 'Makefile').read_text(), re.MULTILINE)
        shown = self.make().stdout
        assert {'setup', 'demo', 'test', 'lint'} <= set(targets)
        assert all(f'make {target} ' in shown for target in targets)

    def test_an_own_python_that_does_not_exist_is_named(self):
        done = self.make('setup', 'PYTHON=/no/such/python')
        assert done.returncode
        assert 'PYTHON=/no/such/python is not a program' in done.stdout

    def test_an_own_environment_that_lacks_packages_is_told_so(self, tmp_path):
        venv = [sys.executable, '-m', 'venv', '--without-pip', tmp_path]
        subprocess.run(venv, check=True)
        before = sorted(tmp_path.rglob('*'))
        done = self.make('setup', f'PYTHON={tmp_path}/bin/python')
        assert done.returncode
        assert 'torch is missing. Install it: pip install "torch>=2.0.0"' in done.stdout
        assert 'Missing: jinja2, matplotlib, numpy' in done.stdout
        assert 'Nothing was changed' in done.stdout
        assert sorted(tmp_path.rglob('*')) == before
