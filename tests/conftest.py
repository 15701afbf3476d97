"""What all tests share: registered modules, data, and reproducible property tests."""

import sys
import warnings
from pathlib import Path

import pytest
from hypothesis import settings
from mmengine.runner import set_random_seed

from .commands import run_command

PROJECT_ROOT = Path(__file__).resolve().parents[1]
DATA_ROOTS = (PROJECT_ROOT / 'data', PROJECT_ROOT.parent / 'shared' / 'data')

# The same examples in every run (a red test stays red; see also `_same_randomness`), and no time
# limit per example: shared machines are slow now and then.
settings.register_profile('einet', derandomize=True, deadline=None)
settings.load_profile('einet')

try:
    from mmdet.utils import register_all_modules

    register_all_modules(init_default_scope=True)
    import einet  # noqa: F401
except ImportError as error:
    # The tests that need the missing part fail with the same message; the others still run.
    warnings.warn(f'OpenMMLab modules are not registered: {error}', stacklevel=1)


@pytest.fixture(autouse=True)
def _same_randomness() -> None:
    """Augmentations and weights are drawn alike in every run, whichever tests ran before."""
    set_random_seed(0)


def _data_folder(name: str) -> Path:
    for root in DATA_ROOTS:
        if (root / name / 'annotations').is_dir():
            return root / name
    places = ' or '.join(str(root / name) for root in DATA_ROOTS)
    pytest.skip(f'needs the data set {name} in {places}')


@pytest.fixture(scope='session')
def coco_sample_root() -> Path:
    """Folder of the COCO panoptic sample, in COCO's own layout."""
    return _data_folder('coco_sample')


@pytest.fixture(scope='session')
def nuclei_root() -> Path:
    """Folder of the nuclei set: one thing class, one stuff class, COCO panoptic format."""
    return _data_folder('nuclei')


@pytest.fixture(scope='session')
def shapes_root(tmp_path_factory) -> Path:
    """Folder of a few synthetic shapes: 8 images to train on, 3 to score."""
    root = tmp_path_factory.mktemp('shapes') / 'set'
    script = PROJECT_ROOT / 'tools' / 'dataset_converters' / 'shapes.py'
    sizes = ['--train', 8, '--val', 3, '--size', 64]
    run_command(sys.executable, script, root, *sizes, cwd=root.parent)
    return root
