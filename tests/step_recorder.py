"""Hooks for tests of training: they record steps, keep images apart, and spoil a batch."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from mmdet.registry import HOOKS
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from torch.nn.modules.batchnorm import _BatchNorm


@HOOKS.register_module()
class StepRecorder(Hook):
    """Saves ``rank<r>.pth`` in the folder named by EINET_RECORD."""

    priority = 'LOWEST'

    def __init__(self) -> None:
        self.steps: list[dict] = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        """Record Q and this rank's parameters' sum."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        centers = model.interaction.centers
        self.steps.append(
            dict(
                centers=centers.centers.clone(),
                seen=centers.seen.clone(),
                weights=torch.stack([p.detach().sum() for p in model.parameters()]),
                loss=float(outputs['loss']),
            )
        )
        torch.save(self.steps, Path(os.environ['EINET_RECORD']) / f'rank{get_rank()}.pth')


@HOOKS.register_module()
class FrozenNorm(Hook):
    """Normalizes by the running statistics, so that an image's maps do not depend on its batch."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        """The loop calls ``model.train()`` before every iteration."""
        for module in runner.model.modules():
            if isinstance(module, _BatchNorm):
                module.eval()


@HOOKS.register_module()
class Poison(Hook):
    """Makes the first features of the second rank's third batch NaN."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        """Spoil them, this once."""
        if batch_idx == 2 and get_rank() == 1:
            layer = runner.model.module.backbone.conv1
            self.handle = layer.register_forward_hook(lambda *call: call[-1] * float('nan'))

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        """Let the next batch be."""
        if batch_idx == 2 and get_rank() == 1:
            self.handle.remove()
