"""All ranks validate the model that a checkpoint holds."""

from __future__ import annotations

from mmdet.registry import HOOKS
from mmengine.dist import broadcast
from mmengine.hooks import Hook
from mmengine.runner import Runner


@HOOKS.register_module()
class SameBuffersHook(Hook):
    """Give all ranks the buffers of rank 0 before each validation.

    Without SyncBN each rank has running statistics of its own, and a checkpoint has those of rank
    0. So scores are the checkpoint's, and the same after an interruption. (mmengine's
    ``SyncBuffersHook`` takes the mean, of which no checkpoint knows.)
    """

    # After EMAHook has put its weights into place.
    priority = 'VERY_LOW'

    def before_val_epoch(self, runner: Runner) -> None:
        """Send the buffers."""
        for buffer in runner.model.buffers():
            broadcast(buffer)
