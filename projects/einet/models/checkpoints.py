"""Checkpoints of another class set: a clear error, or a transfer of what fits."""

from __future__ import annotations

import logging

from mmengine.logging import print_log
from torch import Tensor, nn

CENTERS = 'interaction.centers.centers'


def drop_other_shapes(
    model: nn.Module, state_dict: dict[str, Tensor], prefix: str, allowed: bool
) -> None:
    """Remove the parameters whose shapes differ from the model's, or refuse them.

    mmengine only warns of them and goes on with random values in their place.

    Args:
        model: Model that is about to load.
        state_dict: Checkpoint's parameters; changed in place.
        prefix: What its keys have before the model's.
        allowed: Remove them, with a warning for each.

    Raises:
        RuntimeError: There are some and they are not allowed.
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
