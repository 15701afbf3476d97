"""What the tools share."""

from .config import (
    LAUNCHERS,
    add_common_arguments,
    enable_amp,
    enable_tta,
    load_config,
    set_data_root,
)
from .distributed import prepare_cpu_ranks

__all__ = [
    'LAUNCHERS',
    'add_common_arguments',
    'enable_amp',
    'enable_tta',
    'load_config',
    'prepare_cpu_ranks',
    'set_data_root',
]
