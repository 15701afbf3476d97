"""Say what is installed, and whether the model that ships gives the result that is stored.

    python -m einet_tools.doctor

A line for each check: ok, missing (what an optional package is for) or FAILED, with the way out.
The exit status is 1 if a check failed. It runs before `import einet`, which may be what fails.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import importlib.util
import io
import platform
import runpy
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from .cores import allowed_cores

OK, MISSING, FAILED = 'ok', 'missing', 'FAILED'

# Import name, and the distribution's name.
RUNTIME = {
    'numpy': 'numpy',
    'cv2': 'opencv-python-headless',
    'psutil': 'psutil',
    'scipy': 'scipy',
    'pycocotools': 'pycocotools',
    'matplotlib': 'matplotlib',
    'PIL': 'pillow',
    'jinja2': 'jinja2',
}
# And what it is for.
OPTIONAL = {
    'cityscapesscripts': ('cityscapesscripts', "Cityscapes' panoptic ground truth and test server"),
    'hotcoco': ('hotcoco', 'AP in less time'),
    'onnx': ('onnx', 'export to ONNX'),
    'onnxruntime': ('onnxruntime', 'running exported models'),
    'onnxscript': ('onnxscript', 'export to ONNX'),
    'panopticapi': ('--no-deps panopticapi-lite', "mmdet's CocoPanopticMetric; ours needs none"),
    'pre_commit': ('pre-commit', 'git hooks, for developers'),
}


class Line(NamedTuple):
    """The outcome of a check.

    Attributes:
        state: ``ok``, ``missing`` or ``FAILED``.
        text: What was found; unless it is ok, also the way out.
    """

    state: str
    text: str


def check_packages() -> Iterator[Line]:
    """Versions of what EINet builds on; each that is missing, too old or does not import."""
    yield Line(OK, f'Python {platform.python_version()} ({sys.executable})')
    try:
        # Keeps notices of what it imports off the screen.
        importlib.import_module('einet')
    except Exception as error:
        yield Line(FAILED, f'einet does not import: {_first_line(error)}')
    else:
        yield Line(OK, f'einet {_version("einet")} ({_folder()})')
    versions = _version_check()
    for requirement in versions['REQUIREMENTS']:
        problem = versions['problem_of'](requirement)
        if problem:
            yield Line(FAILED, problem)
        else:
            yield Line(OK, f'{requirement.module} {_version(requirement.module)}')
    for module, distribution in RUNTIME.items():
        try:
            importlib.import_module(module)
        except ImportError as error:
            yield Line(FAILED, f'{module}: {error}. Install it: pip install {distribution}')
        else:
            yield Line(OK, f'{module} {_version(module, distribution)}')
    yield from _check_torchvision()


def _check_torchvision() -> Iterator[Line]:
    """One that was built for another torch keeps mmdet from being imported."""
    if importlib.util.find_spec('torchvision') is None:
        return
    try:
        importlib.import_module('torchvision')
    except Exception as error:
        reason = f'torchvision does not fit this torch: {_first_line(error)}'
        yield Line(FAILED, f'{reason}. Nothing needs it: pip uninstall torchvision')


def check_optional() -> Iterator[Line]:
    """Packages that some uses need."""
    for module, (distribution, use) in OPTIONAL.items():
        if importlib.util.find_spec(module) is None:
            yield Line(MISSING, f'{module}, for {use}: pip install {distribution}')
        else:
            yield Line(OK, f'{module} {_version(module, distribution.split()[-1])}, for {use}')


def check_accelerator() -> Iterator[Line]:
    """What the tools compute on."""
    torch = importlib.import_module('torch')
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            yield Line(OK, f'accelerator cuda:{index}, {torch.cuda.get_device_name(index)}')
    elif shutil.which('nvidia-smi'):
        reason = f'torch {torch.__version__} finds no CUDA device, though there is an NVIDIA driver'
        yield Line(MISSING, f'accelerator: {reason}. Is it a build without CUDA, or an old driver?')
    else:
        cores = len(allowed_cores())
        yield Line(OK, f'no accelerator, computes on the CPU (cores: {cores})')


def check_operators() -> Iterator[Line]:
    """Whether mmcv's compiled operators load, and suppress the one box that they should."""
    problem = _version_check()['problem_of_operators']()
    if problem:
        yield Line(FAILED, problem)
        return
    torch = importlib.import_module('torch')
    yield _run_operator('cpu', FAILED, 'Compile mmcv anew against this torch, see docs/get_started')
    if torch.cuda.is_available():
        way_out = 'EINet does not need them there; other models of mmdet do'
        yield _run_operator('cuda', MISSING, way_out)


def _run_operator(device: str, state: str, way_out: str) -> Line:
    torch, ops = importlib.import_module('torch'), importlib.import_module('mmcv.ops')
    boxes = [[0, 0, 10, 10], [1, 0, 10, 10], [20, 0, 30, 10]]
    scores = [0.8, 0.9, 0.7]
    try:
        # The second covers 90 % of the first and has the higher score.
        kept = ops.nms(
            torch.tensor(boxes, dtype=torch.float32, device=device),
            torch.tensor(scores, device=device),
            0.5,
        )[1].tolist()
    except Exception as error:
        reason = _first_line(error)
    else:
        if kept == [1, 2]:
            return Line(OK, f'mmcv operators run on {device}')
        reason = f'nms kept boxes {kept} and not [1, 2]'
    return Line(state, f'mmcv operators on {device}: {reason}. {way_out}')


def check_model() -> Iterator[Line]:
    """The model that ships on the image that ships, against the stored result."""
    check, found = _segment_demo()
    share = check.agreement(found, check.stored_result())
    what = f'{_result(check, found)}, {100 * share:.2f} % of the pixels as stored'
    if share >= check.AGREEMENT:
        yield Line(OK, what)
    else:
        expected = f'{100 * check.AGREEMENT} % are expected: this environment computes otherwise'
        yield Line(FAILED, f'{what}, {expected}. Make the one that was tested: make setup')


def store_result() -> Iterator[Line]:
    """Make what the model gives here the stored result."""
    check, found = _segment_demo()
    yield Line(OK, f'{_result(check, found)}, stored in {check.store_result(found)}')


def _segment_demo() -> tuple[ModuleType, Any]:
    check = importlib.import_module('einet.utils.self_check')
    # mmengine says what it loads.
    with contextlib.redirect_stdout(io.StringIO()):
        return check, check.segment_demo()


def _result(check: ModuleType, found: Any) -> str:
    return f'{check.MODEL} on {check.IMAGE}: {check.count_instances(found)} nuclei'


def run_checks(checks: list[Callable[[], Iterator[Line]]]) -> Iterator[Line]:
    """All lines; a check that ends in an exception is a line, too."""
    for check in checks:
        try:
            yield from check()
        except Exception as error:
            what = check.__name__.removeprefix('check_')
            yield Line(FAILED, f'{what}: {type(error).__name__}: {_first_line(error)}')


def _version_check() -> dict[str, Any]:
    """Content of einet/version_check.py, by its path: einet itself may not import."""
    return runpy.run_path(str(_folder() / 'version_check.py'))


def _folder() -> Path:
    """Folder of einet, which is installed together with this package."""
    return Path(importlib.util.find_spec('einet').origin).parent


def _version(module: str, distribution: str | None = None) -> str:
    """The module's own version or, where it has none or is not imported, the distribution's."""
    version = getattr(sys.modules.get(module), '__version__', None)
    if version:
        return version
    try:
        return importlib.metadata.version(distribution or module)
    except importlib.metadata.PackageNotFoundError:
        # Another distribution may provide the module.
        providers = importlib.metadata.packages_distributions().get(module)
        return importlib.metadata.version(providers[0]) if providers else '(version unknown)'


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(':')


def main(argv: list[str] | None = None) -> int:
    """Print the lines as they come; 1 if a check failed, else 0."""
    parser = argparse.ArgumentParser(
        prog='python -m einet_tools.doctor',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        '--update',
        action='store_true',
        help='store what the model gives here',
    )
    args = parser.parse_args(argv)
    checks = [check_packages, check_accelerator, check_operators, check_optional]
    failures = 0
    for line in run_checks([*checks, store_result if args.update else check_model]):
        print(f'{line.state:8} {line.text}', flush=True)
        failures += line.state == FAILED
    print(f'FAILED checks: {failures}' if failures else 'EINet works here.')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
