"""What the plugin needs of its environment: checked at import, with the way out in the message."""

import importlib
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Requirement:
    """A package that must be importable.

    Attributes:
        module: Import name; its ``__version__`` is read, so it does not matter which
            distribution (``onedl-mmdetection`` or ``mmdet``) it comes from.
        minimum: Oldest version whose interfaces the plugin uses.
        distribution: Name under which the maintained version is installed.
        install: How it is installed, up to its name.
    """

    module: str
    minimum: str
    distribution: str
    install: str = 'pip install'

    @property
    def command(self) -> str:
        """The command that installs it."""
        return f'{self.install} "{self.distribution}>={self.minimum}"'


# In build isolation there is no torch, and mmcv would come without its operators.
COMPILE = 'pip install setuptools wheel ninja numpy psutil && pip install --no-build-isolation'

REQUIREMENTS = (
    Requirement('torch', '2.0.0', 'torch'),
    Requirement('mmengine', '0.10.0', 'onedl-mmengine'),
    Requirement('mmcv', '2.1.0', 'onedl-mmcv', COMPILE),
    Requirement('mmdet', '3.3.0', 'onedl-mmdetection'),
    Requirement('mmseg', '1.2.0', 'onedl-mmsegmentation'),
)


def check_versions() -> None:
    """Check that everything the plugin builds on is there, new enough, and loads.

    Raises:
        ImportError: Names each package that is missing, too old or broken, and the pip command
            that helps.
    """
    problems = [problem for problem in map(problem_of, REQUIREMENTS) if problem]
    if not problems:
        problems = [problem for problem in [problem_of_operators()] if problem]
    if problems:
        listed = '\n'.join(f'  * {problem}' for problem in problems)
        raise ImportError(
            f'einet cannot be used in this environment:\n{listed}\n'
            'Or let `make setup` in the project folder make one that was tested.'
        )


def problem_of(requirement: Requirement) -> str | None:
    """What is wrong with a package, and the command that helps; None if nothing is.

    Args:
        requirement: The package.
    """
    module = requirement.module
    try:
        version = getattr(importlib.import_module(module), '__version__', None)
    except ImportError as error:
        if error.name == module:
            return f'{module} is missing. Install it: {requirement.command}'
        return f'{module} does not import: {error}. {_remedy(error, requirement)}'
    if version is None:
        return (
            f'{module} has no version: a folder of that name on the path hides the package, or it '
            f'is missing. Install it: {requirement.command}'
        )
    if _as_numbers(version) < _as_numbers(requirement.minimum):
        return (
            f'{module} {version} is too old, {requirement.minimum} or newer is needed. '
            f'Install it: {requirement.command}'
        )
    return None


def problem_of_operators() -> str | None:
    """Why mmcv's compiled operators do not load, and the command that helps; None if they do."""
    try:
        importlib.import_module('mmcv.ops')
    except ImportError as error:
        # pip's cache may hold a wheel without operators, or with those for another torch.
        return (
            f'mmcv is there but its compiled operators (mmcv.ops) do not load: {error}. '
            'Compile them against the installed torch, which takes about 10 to 20 minutes: '
            f'{COMPILE} --no-cache-dir --force-reinstall --no-deps onedl-mmcv'
        )
    return None


def _remedy(error: ImportError, requirement: Requirement) -> str:
    if 'libGL' in str(error):
        return (
            'OpenCV lacks a system library; the build without windows does not need it: pip '
            'uninstall -y opencv-python && pip install --force-reinstall opencv-python-headless'
        )
    return f'Install it anew: {requirement.command} --force-reinstall --no-deps'


def _as_numbers(version: str) -> tuple[int, ...]:
    """The leading numbers without trailing zeros: '2.1.0+cpu', '2.1' and '2.1.0rc1' are equal."""
    match = re.match(r'(\d+(?:\.\d+)*?)(?:\.0+)*(?!\.?\d)', version)
    return tuple(int(number) for number in match.group(1).split('.')) if match else ()
