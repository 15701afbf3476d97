"""A config as the tools need it: the file, and on top of it what the command line says."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.device import get_device

from ..datasets.validation.sources import plain_datasets
from .consistency import type_name
from .trust import trust_checkpoints

_DATALOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def load_config(args: argparse.Namespace) -> Config:
    """Read a tool's config and apply what the command line says about it.

    Args:
        args: ``config``, ``cfg_options`` and ``data_root``; perhaps ``launcher``, ``work_dir``
            and ``local_rank``; with ``trust_checkpoint``, checkpoints may carry code.

    Returns:
        The config; its ``work_dir`` is, in this order: the command line's, the file's,
        ``work_dirs/<name of the file>``.

    Raises:
        FileNotFoundError: There is no such config.
        ValueError: ``data_root`` is given but the config has no data set to set it in.
    """
    if hasattr(args, 'local_rank'):
        os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    trust_checkpoints(getattr(args, 'trust_checkpoint', False))
    config = Config.fromfile(args.config)
    options = dict(args.cfg_options or {})
    # A data set's own data_root was filled in when the file was read: the variable alone, which
    # mmdet's users would type, would change nothing.
    data_root = args.data_root or options.pop('data_root', None)
    if data_root is not None:
        set_data_root(config, data_root)
    # After data_root: what is said in more detail wins.
    config.merge_from_dict(options)
    config.launcher = getattr(args, 'launcher', 'none')
    if getattr(args, 'work_dir', None) is not None:
        config.work_dir = args.work_dir
    elif config.get('work_dir') is None:
        config.work_dir = str(Path('work_dirs') / Path(args.config).stem)
    return config


def set_data_root(config: Config, data_root: str) -> None:
    """Set ``data_root`` of the data sets of all dataloaders, also inside wrappers.

    Args:
        config: Changed in place.
        data_root: Folder that ``ann_file`` and ``data_prefix`` of the data sets are relative to.

    Raises:
        ValueError: The config has no data set.
    """
    found = 0
    for name in _DATALOADERS:
        if config.get(name):
            found += _set_in_dataset(config[name].get('dataset'), 'data_root', data_root)
    if not found:
        raise ValueError(
            f'--data-root {data_root}: {config.filename or "the config"} has no data set in any of '
            f'{", ".join(_DATALOADERS)}'
        )


def _set_in_dataset(dataset: Any, key: str, value: Any) -> int:
    """Set a key in a data set, or in those that a wrapper holds; returns how many."""
    settings = list(plain_datasets(dataset)) if dataset else []
    for each in settings:
        each[key] = value
    return len(settings)


def enable_amp(config: Config, dtype: str = 'float16') -> None:
    """Train with automatic mixed precision.

    Args:
        config: Config whose ``optim_wrapper`` is changed in place.
        dtype: ``'float16'``, whose losses are scaled, or ``'bfloat16'``.

    Raises:
        ValueError: There is no accelerator for float16, or the config has an optimizer wrapper of
            its own.
    """
    if dtype == 'float16' and get_device() == 'cpu':
        raise ValueError(
            '--amp needs an accelerator (CUDA, NPU, MLU or MUSA) and none was found; '
            'leave it out to train in float32, or try --amp bfloat16'
        )
    kind = type_name(config.optim_wrapper.type)
    if kind not in ('OptimWrapper', 'AmpOptimWrapper', 'BFloat16OptimWrapper'):
        raise ValueError(f'--amp replaces OptimWrapper, but optim_wrapper.type is {kind}')
    if dtype == 'bfloat16':
        config.optim_wrapper.type = 'BFloat16OptimWrapper'
        for option in ('loss_scale', 'dtype', 'use_fsdp'):
            config.optim_wrapper.pop(option, None)
        return
    config.optim_wrapper.type = 'AmpOptimWrapper'
    config.optim_wrapper.pop('dtype', None)
    config.optim_wrapper.setdefault('loss_scale', 'dynamic')


def enable_tta(config: Config) -> None:
    """Test with test-time augmentation.

    Args:
        config: Its ``model`` is wrapped in ``tta_model``, and the test data get ``tta_pipeline``.

    Raises:
        ValueError: The config does not say how.
    """
    examples = {
        'tta_model': "tta_model = dict(type='EINetTTA')",
        'tta_pipeline': "tta_pipeline = [dict(type='LoadImageFromFile'), dict(type='TestTimeAug', "
        "transforms=[[dict(type='Resize', ...), ...], [dict(type='RandomFlip', prob=0.0), "
        "dict(type='RandomFlip', prob=1.0)], [dict(type='PackPanopticInputs')]])]",
    }
    if 'tta_model' in config and config.tta_model is None:
        raise ValueError(
            f'--tta: {config.filename or "the config"} says tta_model = None: its model has no '
            f'test-time augmentation; leave --tta out'
        )
    missing = [key for key in examples if not config.get(key)]
    if missing:
        raise ValueError(
            f'--tta: {config.filename or "the config"} has no {" and no ".join(missing)}; add\n'
            + '\n'.join(examples[key] for key in missing)
        )
    config.model = {**config.tta_model, 'module': config.model}
    _set_in_dataset(config.test_dataloader.dataset, 'pipeline', config.tta_pipeline)
