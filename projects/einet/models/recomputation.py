"""Activations that the backward pass computes again, so that they need not be kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.checkpoint import checkpoint

from .semantic_centers import SemanticCenters


def turn_on_recomputation(model: nn.Module, names: Sequence[str]) -> None:
    """Make parts of a model recompute their activations in the backward pass.

    Neither outputs nor gradients change. Running statistics of norms see each batch once; with
    torch's ``checkpoint`` alone, and with mmdet's ``with_cp``, they see it twice.

    Of a part that consists of sequences of layers, as ResNet's stages or Xception's blocks, each
    layer is recomputed by itself, so that no more than one layer's activations exist at a time;
    what it computes outside of them, as ResNet's stem, is recomputed without them. Another part,
    also one with no more than two layers, is recomputed as a whole.

    Args:
        model: Changed in place.
        names: Names of its parts, such as ``'backbone'`` and ``'semantic_decoder'``, or of parts
            of parts, ``'backbone.layer1'``.

    Raises:
        ValueError: A name that the model does not have, or of a part that counts its runs.
    """
    modules = dict(model.named_modules())
    unknown = sorted(set(names) - modules.keys())
    if unknown or '' in names:
        parts = [name for name, _ in model.named_children()]
        raise ValueError(
            f'{type(model).__name__}: activation_checkpointing names parts that it does not have: '
            f'{", ".join(unknown) or "(itself)"}; it has {", ".join(parts)}, and their parts'
        )
    for name in names:
        part = modules[name]
        if any(isinstance(module, SemanticCenters) for module in part.modules()):
            raise ValueError(
                f'{type(model).__name__}: activation_checkpointing cannot have {name}: it holds Q, '
                'to which each run adds the batch once more'
            )
        # Bound methods: a copy of the model (EMA's) gets those that are bound to the copy.
        for layer in _layers(part):
            layer.forward = MethodType(_recomputed_layer, layer)  # type: ignore[method-assign]
        if not _is_sequence(part):
            part.forward = MethodType(_recomputed, part)  # type: ignore[method-assign]


def _recomputed(module: nn.Module, *inputs: Any) -> Any:
    """Forward of a module, run once more when a gradient needs what is inside.

    The second run ends with the last tensor that is needed. A layer that is recomputed by itself
    needs none of it, so that the run of a backbone ends with the stem.
    """
    forward = partial(type(module).forward, module)
    if not torch.is_grad_enabled():
        return forward(*inputs)
    contexts = partial(_contexts, module)
    return checkpoint(forward, *inputs, use_reentrant=False, context_fn=contexts)


def _recomputed_layer(layer: nn.Module, *inputs: Any) -> Any:
    """The same of a layer, whose inputs are kept, also inside of a part that is recomputed."""
    with saved_tensors_hooks(_same, _same):
        return _recomputed(layer, *inputs)


def _same(tensor: Tensor) -> Tensor:
    return tensor


def _layers(part: nn.Module) -> list[nn.Module]:
    """What of a part is recomputed by itself."""
    if _is_sequence(part):
        return list(part.children())
    layers = [layer for child in part.children() if _is_sequence(child) for layer in child]
    # With two, the input of the second would be kept to spare the activations of the first.
    return layers if len(layers) > 2 else []


def _is_sequence(module: nn.Module) -> bool:
    return isinstance(module, nn.Sequential | nn.ModuleList)


def _contexts(module: nn.Module) -> tuple[AbstractContextManager, AbstractContextManager]:
    """Contexts of the first run and of the second."""
    return nullcontext(), _copied_buffers(module)


@contextmanager
def _copied_buffers(module: nn.Module) -> Iterator[None]:
    """What a forward records in buffers, such as running statistics, is forgotten."""
    kept = [
        (part, name, buffer)
        for part in module.modules()
        for name, buffer in part.named_buffers(recurse=False)
    ]
    for part, name, buffer in kept:
        setattr(part, name, buffer.clone())
    try:
        yield
    finally:
        for part, name, buffer in kept:
            setattr(part, name, buffer)
