"""What the tools share."""

from .config import (
    enable_amp,
    enable_tta,
    load_config,
    set_data_root,
)
from .consistency import check_testing, check_training, type_name
from .distributed import leave_cpu_ranks, prepare_cpu_ranks
from .holdout import hold_out
from .inferencer import DetInferencer, build_inferencer
from .provenance import describe_run
from .published import locate_model
from .start import describe_start, resume_latest
from .trust import read_as_data, trust_checkpoints

__all__ = [
    'DetInferencer',
    'build_inferencer',
    'check_testing',
    'check_training',
    'describe_run',
    'describe_start',
    'enable_amp',
    'enable_tta',
    'hold_out',
    'leave_cpu_ranks',
    'load_config',
    'locate_model',
    'prepare_cpu_ranks',
    'read_as_data',
    'resume_latest',
    'set_data_root',
    'trust_checkpoints',
    'type_name',
]
