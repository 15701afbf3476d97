"""Weights that cannot be read or do not fit: a clear error, or a warning and what fits."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from typing import Any

from mmengine.logging import print_log
from torch import Tensor, nn

CENTERS = 'interaction.centers.centers'


@contextmanager
def checked_weights(backbone: nn.Module) -> Iterator[None]:
    """Watch the backbone's published weights while ``init_weights`` loads them.

    mmengine raises the network's bare error and, of names that do not fit, gives a long list at
    most.

    Args:
        backbone: Module whose ``init_cfg`` names the weights, if there are any.

    Raises:
        OSError: The file cannot be downloaded or read.
        RuntimeError: None of the backbone's tensors is in the file. If some are not, they are
            named in a warning.
    """
    source = _published_weights(backbone)
    name = type(backbone).__name__
    ways_out = (
        'name the file by --cfg-options model.backbone.init_cfg.checkpoint=FILE, or start from '
        'random weights by --cfg-options model.backbone.init_cfg=None'
    )

    def report_missing(_: nn.Module, keys: Any) -> None:
        missing = keys.missing_keys
        if dict(backbone.named_parameters()).keys() <= set(missing):
            raise RuntimeError(
                f'{name}: {source} has none of its parameters, so these are weights of another '
                f'network. Get those of this one and {ways_out}'
            )
        if missing:
            message = f'{name}: not in {source}, start from random values: {", ".join(missing)}'
            print_log(message, 'current', logging.WARNING)

    hook = backbone.register_load_state_dict_post_hook(report_missing)
    try:
        yield
    except (OSError, HTTPException) as error:
        if source is None:
            raise
        file = source.split('/')[-1]
        raise OSError(
            f'{name}: cannot read its published weights from {source} ({type(error).__name__}: '
            f'{error}). Without a network, download {file} elsewhere and {ways_out}'
        ) from error
    finally:
        hook.remove()


def _published_weights(backbone: nn.Module) -> str | None:
    """The address or file in the backbone's ``init_cfg``."""
    given = getattr(backbone, 'init_cfg', None) or []
    options = [given] if isinstance(given, dict) else given
    return next((o['checkpoint'] for o in options if o.get('checkpoint')), None)


def drop_other_shapes(
    model: nn.Module, state_dict: dict[str, Tensor], prefix: str, allowed: bool
) -> None:
    """Remove the parameters whose shapes differ from the model's, or refuse them.

    mmengine only warns of them and goes on with random values in their place.

    Args:
        model: that is about to load.
        state_dict: of the checkpoint; changed in place.
        prefix: of the model's keys in it.
        allowed: remove them, with a warning for each.

    Raises:
        RuntimeError: there are some and they are not allowed.
    """
    own = model.state_dict()
    other = [
        key
        for key, value in own.items()
        if prefix + key in state_dict and state_dict[prefix + key].shape != value.shape
    ]
    if other and not allowed:
        # Q has both numbers in its shape; a model without it has its own part to show.
        what, shown = ('classes x embed_dims', CENTERS) if CENTERS in own else (other[0], other[0])
        sizes = [
            ' x '.join(map(str, values[key].shape)) if key in values else 'unknown'
            for values, key in ((state_dict, prefix + shown), (own, shown))
        ]
        raise RuntimeError(
            f'{type(model).__name__}: checkpoint and config differ in {what}: '
            f'{sizes[0]} against {sizes[1]}. These parameters do not fit: {", ".join(other)}. Set '
            'model.num_things_classes, model.num_stuff_classes and the widths (model.embed_dims) '
            'to those of the checkpoint or, to fine-tune on other classes, '
            'model.allow_other_classes=True'
        )
    for key in other:
        message = f'{type(model).__name__}: {key} starts anew, its shape differs'
        print_log(message, 'current', logging.WARNING)
        del state_dict[prefix + key]
