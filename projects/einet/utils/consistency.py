"""Settings that are right each by itself and wrong together, found before anything is built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine.config import Config

_EPOCHS, _ITERATIONS = 'EpochBasedTrainLoop', 'IterBasedTrainLoop'
_LENGTHS = {_EPOCHS: 'max_epochs', _ITERATIONS: 'max_iters', 'ResumableTrainLoop': 'max_iters'}
_ENDLESS_SAMPLERS = ('InfiniteSampler', 'ResumableSampler')


def check_training(config: Config) -> list[str]:
    """Check loop, samplers, schedulers, workers and the runner's switches of a training together.

    Args:
        config: As :func:`load_config` gives it.

    Returns:
        Warnings: settings that work, but probably not as meant.

    Raises:
        ValueError: Names every setting that cannot work, with the key to change.
    """
    problems = [
        *_loader_problems(config, 'train'),
        *_loop_problems(config),
        *_runner_problems(config),
        *_scaling_problems(config),
    ]
    if config.get('val_cfg'):
        problems += _loader_problems(config, 'val')
    warnings = []
    for key, entry in _scheduler_entries(config.get('param_scheduler')):
        problems += _scheduler_problems(config, key, entry)
        warnings += _warm_up_warnings(config, key, entry)
    _raise_if(config, problems)
    return warnings


def check_testing(config: Config) -> None:
    """Check sampler and workers of a test.

    Raises:
        ValueError: Names every setting that cannot work, with the key to change.
    """
    _raise_if(config, list(_loader_problems(config, 'test')))


def type_name(kind: Any) -> str:
    """Name of a registered type: of its class, or without the scope of a text."""
    return kind.rpartition('.')[2] if isinstance(kind, str) else getattr(kind, '__name__', '')


def _raise_if(config: Config, problems: Sequence[str]) -> None:
    if problems:
        raise ValueError(
            '\n  '.join([f'{config.filename or "the config"} cannot work:', *problems])
        )


def _loader_problems(config: Config, split: str) -> Iterator[str]:
    key = f'{split}_dataloader'
    loader = config.get(key)
    if not isinstance(loader, Mapping):
        return
    if not loader.get('num_workers', 0):
        for setting, value in (('persistent_workers', False), ('prefetch_factor', None)):
            if loader.get(setting):
                yield (
                    f'{key}.num_workers is 0 and {setting} is {loader[setting]}, which needs '
                    f'workers: add {key}.{setting}={value}'
                )
    loop = _loop(config) if split == 'train' else 'the evaluation'
    sampler = _sampler(config, split)
    if sampler in _ENDLESS_SAMPLERS and loop in (_EPOCHS, 'the evaluation'):
        yield (
            f'{loop} never ends over {key}.sampler.type={sampler}: set '
            f'{key}.sampler.type=DefaultSampler'
        )


def _sampler(config: Config, split: str) -> str:
    return type_name(config[f'{split}_dataloader'].get('sampler', {}).get('type', ''))


def _loop(config: Config) -> str:
    """Name of the training loop, as mmengine chooses it."""
    settings = config.get('train_cfg') or {}
    if 'type' in settings:
        return type_name(settings['type'])
    return _EPOCHS if settings.get('by_epoch', True) else _ITERATIONS


def _loop_problems(config: Config) -> Iterator[str]:
    loop = _loop(config)
    if loop not in _LENGTHS:
        return
    settings, right = config.get('train_cfg') or {}, _LENGTHS[loop]
    (wrong,) = set(_LENGTHS.values()) - {right}
    if wrong in settings:
        yield f'{loop} takes train_cfg.{right}, not {wrong}: give the whole train_cfg anew'
    elif right not in settings:
        yield f'{loop} needs train_cfg.{right}'


def _runner_problems(config: Config) -> Iterator[str]:
    """What mmengine's runner would do to the whole model, and a model's option does better."""
    reasons = {
        'compile': 'compiles the whole training step: in its losses the number of instances is a '
        'size, so that nearly each batch is compiled anew',
        'activation_checkpointing': 'records each batch twice in running statistics, and leaves '
        'parts without gradient whose input needs none, such as the backbone',
    }
    for key, reason in reasons.items():
        if config.get(key):
            yield f"mmengine's {key} {reason}: set model.{key}={config[key]} in its place"


def _scaling_problems(config: Config) -> Iterator[str]:
    """Mmengine scales the learning rate by ranks x batch size, without what is accumulated."""
    batches = (config.get('optim_wrapper') or {}).get('accumulative_counts', 1)
    if batches > 1 and (config.get('auto_scale_lr') or {}).get('enable', False):
        yield (
            f'--auto-scale-lr (auto_scale_lr.enable) counts the images of one batch, and '
            f'optim_wrapper.accumulative_counts={batches} makes a step of {batches}: leave it out. '
            f'If ranks x train_dataloader.batch_size x {batches} is not '
            f'{config.auto_scale_lr.get("base_batch_size")}, set optim_wrapper.optimizer.lr'
        )


def _scheduler_entries(schedulers: Any, key: str = 'param_scheduler') -> Iterator[tuple[str, Any]]:
    """Every scheduler's config with its key, also those of several optimizers."""
    if isinstance(schedulers, Mapping) and 'type' in schedulers:
        yield key, schedulers
    elif isinstance(schedulers, Mapping):
        for name, inner in schedulers.items():
            yield from _scheduler_entries(inner, f'{key}.{name}')
    elif isinstance(schedulers, Sequence):
        for i, inner in enumerate(schedulers):
            yield from _scheduler_entries(inner, f'{key}.{i}')


def _training_length(config: Config, entry: Mapping[str, Any]) -> tuple[str, int] | None:
    """Key and value of the training's length in a scheduler's steps; None when it is not known."""
    loop = _loop(config)
    if loop not in _LENGTHS or entry.get('by_epoch', True) != (loop == _EPOCHS):
        return None
    return f'train_cfg.{_LENGTHS[loop]}', config.train_cfg.get(_LENGTHS[loop], 0)


def _scheduler_problems(config: Config, key: str, entry: Mapping[str, Any]) -> Iterator[str]:
    name = f'{key} ({type_name(entry["type"])})'
    loop = _loop(config)
    if _LENGTHS.get(loop) == 'max_iters' and entry.get('by_epoch', True):
        if not entry.get('convert_to_iter_based', False):
            yield (
                f'{name} counts epochs, which {loop} does not, so it would never step: set '
                f'{key}.by_epoch=False, and its lengths in iterations'
            )
        elif 'end' not in entry:
            yield (
                f'{name} would stop after one epoch, since {loop} has no number of epochs: '
                f'set {key}.end, in epochs'
            )
    length = _training_length(config, entry)
    if length and entry.get('begin', 0) >= length[1]:
        yield (
            f'{name} begins at {entry.get("begin", 0)}, but the training ends at {length[0]}='
            f'{length[1]}: set {key}.begin below it, and the end of the schedule before it to the '
            f'same'
        )


def _warm_up_warnings(config: Config, key: str, entry: Mapping[str, Any]) -> Iterator[str]:
    name = type_name(entry['type'])
    length = _training_length(config, entry)
    if length and name.startswith(('Linear', 'Constant')) and entry.get('end', 0) > length[1]:
        yield (
            f'{key} ({name}) warms up until {entry["end"]}, but the training ends at {length[0]}='
            f'{length[1]}, before the full rate: set {key}.end below it'
        )
