"""EINet: bottom-up panoptic segmentation by embedding interaction.

Importing this package registers its modules with mmdet's registries.
"""

from .version import __version__
from .version_check import check_versions

check_versions()

from . import datasets, evaluation, hooks, models, panoptic_deeplab, schedulers, visualization  # noqa: E402

__all__ = [
    '__version__',
    'datasets',
    'evaluation',
    'hooks',
    'models',
    'panoptic_deeplab',
    'schedulers',
    'visualization',
]
