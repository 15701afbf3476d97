"""mmengine's own Runner, training a model of a few numbers."""

from pathlib import Path

from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner


def train_tiny(
    model: BaseModel,
    folder: Path,
    dataset: list,
    hooks: list[Hook],
    train_cfg: dict,
    rate: float = 0.1,
    accumulative_counts: int = 1,
    checkpoint_hook: Hook | None = None,
    optim_wrapper: dict | None = None,
    sampler: dict | None = None,
    **settings,
) -> Runner:
    """Train with batches of one sample, in order, and a checkpoint at every second iteration or
    at every epoch.

    Args:
        model: Model to train.
        folder: Folder for logs and checkpoints.
        dataset: Samples.
        hooks: Custom hooks.
        train_cfg: Type and length of the loop.
        rate: Learning rate.
        accumulative_counts: Batches per optimizer step.
        checkpoint_hook: In place of mmengine's.
        optim_wrapper: In place of SGD's, with ``accumulative_counts``.
        sampler: In place of one that takes the samples in order.
        **settings: More of the Runner's.
    """
    by_epoch = train_cfg['type'] == 'EpochBasedTrainLoop'
    sampler = sampler or dict(
        type='DefaultSampler' if by_epoch else 'ResumableSampler', shuffle=False
    )
    runner = Runner(
        model,
        str(folder),
        train_dataloader=dict(dataset=dataset, batch_size=1, num_workers=0, sampler=sampler),
        train_cfg=train_cfg,
        optim_wrapper=dict(
            optim_wrapper or dict(optimizer=dict(type='SGD', lr=rate)),
            accumulative_counts=accumulative_counts,
        ),
        default_hooks=dict(
            checkpoint=checkpoint_hook
            or dict(type='CheckpointHook', by_epoch=by_epoch, interval=1 if by_epoch else 2)
        ),
        custom_hooks=hooks,
        experiment_name=str(folder),
        default_scope='mmdet',
        **settings,
    )
    runner.train()
    return runner
