"""Checkpoints that are whole, and that a training can go on from as if nothing had happened."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmdet.registry import HOOKS
from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook
from mmengine.optim import OptimWrapperDict
from mmengine.runner import Runner

from ..structures.files import remove_drafts, write_file


class AtomicBackend(LocalBackend):
    """Local files that are there as a whole or not at all."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write a file, in place of the one that may be there.

        Args:
            obj: Its content.
            filepath: File to write.

        Raises:
            OSError: It cannot be written, for instance because the disk is full.
        """
        try:
            write_file(Path(filepath), obj)
        except OSError as error:
            raise OSError(
                f'{filepath} cannot be written: {error.strerror}. Files that were there are as '
                f'they were; after the repair, tools/train.py --resume goes on from the latest'
            ) from error


register_backend('atomic', AtomicBackend, force=True)


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """mmengine's hook, but no moment at which a training is killed costs more than one interval.

    * A checkpoint is written under another name and renamed, and an older one is removed after
      that. mmengine removes first, and writes in place.
    * With gradient accumulation, a checkpoint waits for the end of the optimizer step. Gradients
      and sums of a step in progress are each rank's own and in no checkpoint, so a training would
      not go on from the middle of a step as it began it.

    The arguments are those of :class:`CheckpointHook`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_due = False

    def before_train(self, runner: Runner) -> None:
        """Choose how files are written; remove what a killed training has left half written."""
        if self.backend_args is None and '://' not in str(self.out_dir or runner.work_dir):
            self.backend_args = dict(backend='atomic')
        super().before_train(runner)
        if is_main_process() and isinstance(self.file_backend, AtomicBackend):
            remove_drafts(Path(self.out_dir), '*.pth')

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Save at the interval, or at the first end of an optimizer step after it."""
        super().after_train_iter(runner, *args, **kwargs)
        if self.is_due and has_stepped(runner):
            self._save_checkpoint(runner)

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        self.is_due = not self.by_epoch and not has_stepped(runner)
        if not self.is_due:
            with self._removals_last():
                super()._save_checkpoint_with_step(runner, step, meta)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        with self._removals_last():
            super()._save_best_checkpoint(runner, metrics)

    @contextmanager
    def _removals_last(self) -> Iterator[None]:
        """Remove what mmengine removes inside after everything inside has succeeded.

        What a new file has replaced, under a name that is always the same, is gone already.
        """
        backend, removals = self.file_backend, {}
        self.file_backend = copy.copy(backend)
        self.file_backend.remove = lambda path: removals.update({path: _version(path)})
        try:
            yield
        finally:
            self.file_backend = backend
        for path, version in removals.items():
            if version is None or version == _version(path):
                backend.remove(path)


def _version(path: str) -> tuple[int, int] | None:
    """Tells a local file from another of its name; None for files elsewhere."""
    if not Path(path).exists():
        return None
    status = Path(path).stat()
    return status.st_ino, status.st_mtime_ns


def has_stepped(runner: Runner) -> bool:
    """Whether no step of the optimizer is in progress after this iteration."""
    wrapper = runner.optim_wrapper
    return isinstance(wrapper, OptimWrapperDict) or wrapper.should_update()
