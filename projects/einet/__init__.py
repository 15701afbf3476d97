"""EINet: bottom-up panoptic segmentation by embedding interaction.

Importing this package registers its modules with mmdet's registries.
"""

from .notices import without_notices
from .version import __version__
from .version_check import check_versions

with without_notices():
    check_versions()
    from . import (
        datasets,
        evaluation,
        hooks,
        loops,
        models,
        optim,
        panoptic_deeplab,
        schedulers,
        visualization,
    )
    from .utils import read_as_data

read_as_data()

__all__ = [
    '__version__',
    'datasets',
    'evaluation',
    'hooks',
    'loops',
    'models',
    'optim',
    'panoptic_deeplab',
    'schedulers',
    'visualization',
]
