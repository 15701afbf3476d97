"""Checkpoints are data: one that carries code is refused, unless the user trusts it.

A checkpoint is a pickle, and a pickle may run any program when it is read. mmengine tries to read
one as data and, when that fails, reads it anyway. It also believes two things that data can say: it
runs the text of a config, and it removes what is named as the best checkpoint so far.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.runner.checkpoint import CheckpointLoader

Loader = Callable[..., Any]

# torch reads it at every load, also where the caller asks for a full pickle.
_FORCE = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'


def _history_method(owner: type, name: str) -> Any:
    """The statistics of mmengine's buffers, saved as attributes; those of nothing else."""
    if owner is not HistoryBuffer or name.startswith('_'):
        raise UnpicklingError(f'GLOBAL getattr of {name!r}, which is no part of a checkpoint.')
    return getattr(owner, name)


# What mmengine writes beside tensors: the log's buffers, and numpy's numbers and arrays.
_DATA = [
    HistoryBuffer,
    (_history_method, 'builtins.getattr'),
    np.ndarray,
    np.dtype,
    np._core.multiarray._reconstruct,
    np._core.multiarray.scalar,
    *{type(np.dtype(code)) for code in np.typecodes['AllInteger'] + np.typecodes['Float'] + '?'},
]

_trusts = False


def trust_checkpoints(trusts: bool = True) -> None:
    """Allow checkpoints to carry code from now on, in this process.

    Args:
        trusts: False refuses them again.
    """
    global _trusts
    _trusts = trusts


def read_as_data() -> None:
    """Make all of mmengine's loaders refuse code: local files, addresses, model zoos.

    Test, resume, ``load_from``, ``init_cfg`` and mmdet's inference go through them.
    """
    for prefix, loader in list(CheckpointLoader._schemes.items()):
        own = load_from_local if prefix == '' else _data_only(loader)
        CheckpointLoader.register_scheme(prefix, own, force=True)


def load_from_local(filename: str, map_location: Any = None) -> Any:
    """Read a checkpoint file; mmengine's log names loaders by their functions, hence the name.

    Args:
        filename: Path.
        map_location: See :func:`torch.load`.

    Returns:
        What was saved.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file carries code and is not trusted, or it is damaged.
    """
    path = Path(filename).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'there is no checkpoint {path}')
    with _explained(path), torch.serialization.safe_globals(_DATA):
        content = torch.load(path, map_location, weights_only=not _trusts)
    return content if _trusts else _without_orders(content, path.parent)


def _data_only(loader: Loader) -> Loader:
    """One of mmengine's loaders that reads nothing but data."""

    @wraps(loader)
    def load(filename: str, *args: Any, **kwargs: Any) -> Any:
        with _explained(filename), _forced(), torch.serialization.safe_globals(_DATA):
            content = loader(filename, *args, **kwargs)
        return content if _trusts else _without_orders(content, None)

    return load


def _without_orders(content: Any, folder: Path | None) -> Any:
    """Take out what mmengine would obey.

    Args:
        content: What a checkpoint holds; changed in place.
        folder: Where it lies, None if it was downloaded. Training may remove an earlier best
            checkpoint from there, and from nowhere else.
    """
    hub = _dict(content, 'message_hub')
    infos = _dict(hub, 'runtime_info')
    for part in (_dict(content, 'meta'), infos, _dict(hub, 'resumed_keys')):
        for key in ('cfg', 'config'):
            part.pop(key, None)
    for key in [key for key, value in infos.items() if _removes_elsewhere(key, value, folder)]:
        del infos[key]
        _dict(hub, 'resumed_keys').pop(key, None)
    return content


def _dict(content: Any, key: str) -> dict[Any, Any]:
    """An entry that is a dict; an empty dict in place of anything else."""
    value = content.get(key) if isinstance(content, dict) else None
    return value if isinstance(value, dict) else {}


def _removes_elsewhere(key: Any, value: Any, folder: Path | None) -> bool:
    """Whether an entry names as best checkpoint what is no such file of this folder."""
    if not str(key).startswith('best_ckpt'):
        return False
    path = Path(str(value))
    is_ours = path.name.startswith('best_') and not path.is_dir()
    return not is_ours or folder is None or path.parent.resolve() != folder.resolve()


@contextmanager
def _forced() -> Iterator[None]:
    """Every :func:`torch.load` inside reads data only, unless checkpoints are trusted."""
    before = os.environ.get(_FORCE)
    if not _trusts:
        os.environ[_FORCE] = '1'
    try:
        yield
    finally:
        os.environ.pop(_FORCE, None)
        if before is not None:
            os.environ[_FORCE] = before


@contextmanager
def _explained(source: Path | str) -> Iterator[None]:
    """Say which checkpoint cannot be read, why, and what to do."""
    try:
        yield
    except UnpicklingError as error:
        raise ValueError(
            f'{source} holds more than data, and reading it may run code: {_reason(error)} Get '
            'the weights from a source that you trust; if you trust this one, give '
            '--trust-checkpoint, or call einet.utils.trust_checkpoints() in your own script'
        ) from error
    except (EOFError, LookupError, RuntimeError) as error:
        first_line = (str(error).splitlines() or [''])[0]
        raise ValueError(
            f'{source} cannot be read; it may be damaged, or cut off while it was written '
            f'({type(error).__name__}: {first_line})'
        ) from error


def _reason(error: UnpicklingError) -> str:
    """The sentence of torch's long message that names what was found."""
    sentences = (s for line in str(error).splitlines() for s in line.split('. '))
    found = next((s for s in sentences if 'GLOBAL' in s or 'Unsupported' in s), str(error))
    return found.split('Error: ')[-1].strip().rstrip('.') + '.'
