"""Several ranks without an accelerator, which mmengine's launcher does not foresee."""

from __future__ import annotations

import atexit
import os
import sys
from datetime import timedelta

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import is_distributed
from torch import distributed as torch_dist


def prepare_cpu_ranks(config: Config) -> bool:
    """Let ``--launcher pytorch`` run on CPU ranks; do nothing with an accelerator or one process.

    mmengine would select a CUDA device and NCCL, pass device ids to DistributedDataParallel, and
    synchronize batch norm, each of which fails on a CPU. So the process group is opened here, with
    gloo.

    Args:
        config: Has ``launcher``; ``env_cfg``, ``model_wrapper_cfg`` and ``sync_bn`` are changed in
            place.

    Returns:
        Whether CPU ranks were prepared.

    Raises:
        ValueError: ``slurm`` or ``mpi``, which mmengine can start on accelerators only.
    """
    if config.launcher == 'none' or get_device() != 'cpu':
        return False
    if config.launcher != 'pytorch':
        raise ValueError(
            f'--launcher {config.launcher} needs an accelerator on every rank and none was found; '
            f'CPU ranks start with tools/dist_train.sh, which uses --launcher pytorch'
        )
    # Whole dicts are assigned: what Config.setdefault returns is not what it stores.
    env_cfg = config.get('env_cfg', {})
    dist_cfg = {**env_cfg.get('dist_cfg', {}), 'backend': 'gloo'}
    config.env_cfg = {**env_cfg, 'dist_cfg': dist_cfg}
    config.model_wrapper_cfg = {
        'type': 'MMDistributedDataParallel',
        'broadcast_buffers': False,
        'find_unused_parameters': config.get('find_unused_parameters', False),
        **(config.get('model_wrapper_cfg') or {}),
        'device_ids': None,
    }
    config.sync_bn = None
    if not is_distributed():
        timeout = dist_cfg.get('timeout')
        torch_dist.init_process_group(
            'gloo', timeout=None if timeout is None else timedelta(seconds=timeout)
        )
    return True


def leave_cpu_ranks() -> None:
    """End the process of a CPU rank that has done its work; return where there is none.

    Now and then the interpreter's last steps abort a rank whose work is done: "terminate called
    without an active exception". So it does what is registered for the end, and skips those.
    """
    if not torch_dist.is_initialized() or torch_dist.get_backend() != 'gloo':
        return
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
