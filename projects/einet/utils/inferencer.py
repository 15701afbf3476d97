"""mmdet's inferencer, made from a config as our tools read it."""

from __future__ import annotations

from typing import Any

from mmdet import apis
from mmengine.config import Config

from ..datasets.validation.sources import plain_datasets
from .consistency import type_name


class DetInferencer(apis.DetInferencer):
    """mmdet's inferencer, also for configs whose types are classes (pure Python configs)."""

    def _get_transform_idx(self, pipeline_cfg: list, name: str | tuple[str, type]) -> int:
        names = name if isinstance(name, tuple) else (name,)
        kinds = [type_name(transform['type']) for transform in pipeline_cfg]
        return next((i for i, kind in enumerate(kinds) if kind in names), -1)


def build_inferencer(
    config: str,
    checkpoint: str,
    device: str | None = None,
    palette: str = 'none',
    cfg_options: dict[str, Any] | None = None,
) -> DetInferencer:
    """An inferencer that shows no progress of its own.

    Args:
        config: Config file.
        checkpoint: Checkpoint file.
        device: For example ``cpu`` or ``cuda:0``; None takes what is there.
        palette: ``coco``, ``citys``, ``random``, or ``none`` for the config's.
        cfg_options: Changes of the config.

    Raises:
        OSError: A file is missing or cannot be read.
        ValueError: The config does not fit the checkpoint.
    """
    options = Config.fromfile(config)
    if cfg_options is not None:
        options.merge_from_dict(cfg_options)
    if 'test_dataloader' in options:
        # The pipeline is that of the first data set, also where a wrapper holds several.
        options.test_dataloader.dataset = next(plain_datasets(options.test_dataloader.dataset))
    return DetInferencer(options, checkpoint, device, palette=palette, show_progress=False)
