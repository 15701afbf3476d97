"""Weights that cannot be read or do not fit: a clear error, or a warning and what fits."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException
from itertools import zip_longest
from typing import Any

from mmdet.evaluation import get_classes
from mmdet.registry import DATASETS
from mmengine.config import Config
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


def check_classes(
    found: Mapping[str, Any] | None,
    wanted: Mapping[str, Any] | None,
    names: tuple[str, str],
    allowed: bool = False,
) -> None:
    """Compare two class lists name by name: equal counts do not make equal classes.

    Args:
        found: Metainfo with ``classes``, and ``thing_classes`` where known; None or without
            classes leaves it unchecked.
        wanted: Metainfo that it must agree with.
        names: Words for the two, in the message.
        allowed: Only warn of a difference.

    Raises:
        ValueError: A name or its place differs; the message shows both lists side by side.
    """
    if not found or not wanted or not found.get('classes') or not wanted.get('classes'):
        return
    split_known = 'thing_classes' in found and 'thing_classes' in wanted
    lists = [_class_names(each, split_known) for each in (found, wanted)]
    if lists[0] == lists[1]:
        return
    width = max(len(name) for name in (names[0], *lists[0]))
    rows = [f'  label  {names[0]:{width}}  {names[1]}']
    for label, (one, other) in enumerate(zip_longest(*lists, fillvalue='-')):
        mark = '' if one == other else '   <- differs'
        rows.append(f'  {label:5}  {one:{width}}  {other}{mark}')
    message = f'{names[0]} and {names[1]} have different classes:\n' + '\n'.join(rows)
    if not allowed:
        raise ValueError(
            f'{message}\nGive both the same metainfo (thing_classes, stuff_classes) or, to '
            'transfer to other classes, load_from the checkpoint without resume and set '
            'model.allow_other_classes=True'
        )
    print_log(message, 'current', logging.WARNING)


def own_metainfo(config: Config) -> dict[str, Any]:
    """Metainfo of a config's test data, without reading them; empty when it has none."""
    settings = config.get('test_dataloader', {}).get('dataset')
    if settings is None:
        return {}
    return dict(DATASETS.build({**settings, 'lazy_init': True}).metainfo)


def name_classes(metainfo: dict[str, Any], config: Config, allowed: bool) -> None:
    """Make the names that mmdet's inference takes from a checkpoint those of the model.

    mmdet names the classes of a checkpoint that holds no names after COCO's 80 things.

    Args:
        metainfo: As mmdet found it; changed in place.
        config: Config with ``test_dataloader.dataset``, which has the names.
        allowed: Only warn of other names.

    Raises:
        ValueError: The checkpoint has other names than the config.
    """
    own = own_metainfo(config)
    if not own:
        return
    if 'thing_classes' not in metainfo and list(metainfo['classes']) == get_classes('coco'):
        print_log('The checkpoint holds no class names; those of the config are used', 'current')
        metainfo.update({key: own[key] for key in own.keys() - {'palette'}})
        return
    check_classes(metainfo, own, ('checkpoint', 'config'), allowed)


def _class_names(metainfo: Mapping[str, Any], split_known: bool) -> list[str]:
    """Names in the order of the labels; stuff has a mark where the split is known."""
    classes = metainfo['classes']
    things = len(metainfo['thing_classes'] if split_known else classes)
    return [f'{name}{" (stuff)" if i >= things else ""}' for i, name in enumerate(classes)]
