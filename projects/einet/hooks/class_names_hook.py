"""Class lists are compared by name wherever a checkpoint meets a data set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, Runner

from ..models.checkpoints import check_classes


@HOOKS.register_module()
class ClassNamesHook(Hook):
    """Refuse a checkpoint whose classes are others than the data set's, or in another order.

    In training, testing, resuming and fine-tuning alike. ``model.allow_other_classes=True`` makes
    it a warning; a training cannot be resumed with another number of classes, since the
    optimizer's state has the sizes of the old ones. Checkpoints that hold no class names are left
    to the comparison of sizes.
    """

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compare the checkpoint with the data set that the runner uses; nothing is loaded yet."""
        found = checkpoint.get('meta', {}).get('dataset_meta')
        allowed = any(
            getattr(module, 'allow_other_classes', False) for module in runner.model.modules()
        )
        split, wanted = next(_data_sets(runner), (None, None))
        if wanted is None:  # Loaded by a program of its own, before any loop is built.
            return
        if runner._resume and len((found or {}).get('classes', ())) != len(wanted['classes']):
            allowed = False
        check_classes(found, wanted, ('checkpoint', f'{split} data'), allowed)

    def before_train(self, runner: Runner) -> None:
        """Compare the training's data set with that of its validation."""
        first, *others = _data_sets(runner)
        for split, metainfo in others:
            check_classes(first[1], metainfo, (f'{first[0]} data', f'{split} data'))


def _data_sets(runner: Runner) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Metainfo of the data sets that are in use, by split."""
    for split in ('train', 'val', 'test'):
        loop = getattr(runner, f'_{split}_loop')
        if isinstance(loop, BaseLoop):
            metainfo = getattr(loop.dataloader.dataset, 'metainfo', None) or {}
            yield split, {'classes': (), **metainfo}
