"""Tests on a CPU run a faster copy of the network."""

from __future__ import annotations

from typing import Any

from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ..models import PanopticDetector
from ..models.cpu_inference import predict_with_copy


@HOOKS.register_module()
class CPUInferenceHook(Hook):
    """Let detectors predict with a faster copy of their network while they are tested on a CPU.

    See :func:`einet.models.cpu_inference.predict_with_copy`. A validation during training is left
    as it is: its weights change each time.
    """

    # After EMAHook has put its weights into place.
    priority = 'VERY_LOW'

    def before_test_epoch(self, runner: Runner) -> None:
        """Make the copies."""
        predict_with_copy(runner.model)

    def after_test_epoch(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        """Forget the copies."""
        for model in runner.model.modules():
            if isinstance(model, PanopticDetector):
                model.predict_with(None)
