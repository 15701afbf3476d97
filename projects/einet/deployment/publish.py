"""Weights to hand on: a checkpoint without what only its training needs, in half precision."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from torch import Tensor

from ..models.checkpoints import own_metainfo
from ..structures.files import write_file
from .weights import load_trained


def publish_weights(config: Config, checkpoint: str | Path, folder: Path) -> tuple[Path, str]:
    """Write the weights of a trained model as a small file of plain tensors.

    Optimizer, schedule, logs, the config's text and averages beside the weights are left out. Of
    equal weights the file is equal, byte for byte.

    Args:
        config: Read from a file, whose name becomes the model's.
        checkpoint: File of a training with this config.
        folder: Where to write ``<name>-<first 8 digits of its SHA-256>.pth``.

    Returns:
        The file and its SHA-256.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        ValueError: It cannot be read, belongs to another config, or has a value that float16 does
            not hold.
    """
    name = Path(config.filename).stem
    model = load_trained(config, checkpoint)
    content = dict(
        meta=dict(config=name, dataset_meta=_as_lists(own_metainfo(config))),
        state_dict={key: _halve(key, value) for key, value in model.state_dict().items()},
    )
    # Not saved to its path: the archive would hold the file's name.
    buffer = io.BytesIO()
    torch.save(content, buffer)
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    path = folder / f'{name}-{digest[:8]}.pth'
    write_file(path, buffer.getvalue())
    return path, digest


def _halve(key: str, value: Tensor) -> Tensor:
    """A tensor in float16; counters and masks stay as they are."""
    if not value.is_floating_point():
        return value
    half = value.half()
    if not half.isfinite().all():
        raise ValueError(f'{key} has values that float16 does not hold, up to {value.abs().max()}')
    return half


def _as_lists(value: Any) -> Any:
    """Metainfo without tuples, as JSON would hold it."""
    if isinstance(value, dict):
        return {key: _as_lists(each) for key, each in value.items()}
    return [_as_lists(each) for each in value] if isinstance(value, list | tuple) else value
