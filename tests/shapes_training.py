"""Trainings on a few synthetic shapes that take seconds: options for the preset of the demo."""

from .paths import CONFIGS

SHAPES = CONFIGS / 'einet_tiny_shapes.py'
NARROW = [
    'model.backbone.base_channels=8',
    'model.backbone.stem_channels=8',
    'model.semantic_decoder.in_channels=(8,16,64)',
    'model.instance_decoder.in_channels=(8,16,64)',
]
QUICK = [
    *NARROW,
    'train_dataloader.num_workers=0',
    'train_dataloader.persistent_workers=False',
    'val_dataloader.num_workers=0',
    'val_dataloader.persistent_workers=False',
    'test_dataloader.num_workers=0',
    'test_dataloader.persistent_workers=False',
    'train_dataloader.batch_size=2',
    'default_hooks.logger.interval=1',
    'param_scheduler.0.end=2',
    'param_scheduler.1.begin=2',
]
SMALL = [
    'train_dataloader.dataset.pipeline.2.scale=(96,96)',
    'train_dataloader.dataset.pipeline.3.crop_size=(96,96)',
    'model.data_preprocessor.batch_augments.0.size=(96,96)',
]


def iterations(count: int, **more) -> list[str]:
    """Options for a training of that length with a validation at its end, and more options."""
    options = [f'train_cfg.max_iters={count}', f'train_cfg.val_interval={count}']
    return [*options, *(f'{key}={value}' for key, value in more.items())]
