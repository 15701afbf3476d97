"""mmdet's inferencer, made from a config as our tools read it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmdet import apis
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.visualization import Visualizer

from ..datasets.validation.sources import plain_datasets
from ..models.cpu_inference import predict_with_copy
from .consistency import type_name
from .published import locate_model, published_names


class DetInferencer(apis.DetInferencer):
    """mmdet's inferencer, also for names of our model index and for pure Python configs.

    On a CPU it runs a faster copy of the network, see :func:`predict_with_copy`.

    Args:
        model: Name of a model, whose published weights are taken when there are no others; or what
            mmdet's takes.
        weights: Checkpoint file.
        *args: As mmdet's.
        **kwargs: As mmdet's.

    Raises:
        FileNotFoundError: The published weights are missing.
        ValueError: They are damaged, or none are published of this model.
    """

    def __init__(
        self, model: Any = None, weights: str | None = None, *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(*locate_model(model, weights), *args, **kwargs)
        predict_with_copy(self.model)

    def _init_collate(self, cfg: Config) -> Callable:
        # mmengine would warn that mmdet has no registry of functions to look in.
        if 'collate_fn' not in cfg.get('test_dataloader', {}):
            return pseudo_collate
        return super()._init_collate(cfg)

    def _init_visualizer(self, cfg: Config) -> Visualizer | None:
        # Backends would warn that they have no folder; drawings are returned, or go to out_dir.
        if 'visualizer' in cfg:
            cfg.visualizer.pop('vis_backends', None)
        return super()._init_visualizer(cfg)

    def _get_transform_idx(self, pipeline_cfg: list, name: str | tuple[str, type]) -> int:
        names = name if isinstance(name, tuple) else (name,)
        kinds = [type_name(transform['type']) for transform in pipeline_cfg]
        return next((i for i, kind in enumerate(kinds) if kind in names), -1)


def build_inferencer(
    config: str,
    checkpoint: str | None = None,
    device: str | None = None,
    palette: str = 'none',
    cfg_options: dict[str, Any] | None = None,
) -> DetInferencer:
    """An inferencer that shows no progress of its own.

    Args:
        config: Config file, or name of a model.
        checkpoint: Checkpoint file; None takes the published weights of a model that is named.
        device: For example ``cpu`` or ``cuda:0``; None takes what is there.
        palette: ``coco``, ``citys``, ``random``, or ``none`` for the config's.
        cfg_options: Changes of the config.

    Raises:
        OSError: A file is missing or cannot be read.
        ValueError: The config does not fit the checkpoint, or there is none; or no such device.
    """
    config, checkpoint = locate_model(config, checkpoint)
    try:
        options = Config.fromfile(config)
    except FileNotFoundError as error:
        if Path(config).exists():
            raise
        raise FileNotFoundError(
            f'there is no config file {config}, and no model of that name. '
            f'Models with weights: {", ".join(published_names())}'
        ) from error
    if checkpoint is None:
        raise ValueError(f'{config} is a config file: give its checkpoint, too')
    if cfg_options is not None:
        options.merge_from_dict(cfg_options)
    if 'test_dataloader' in options:
        # The pipeline is that of the first data set, also where a wrapper holds several.
        options.test_dataloader.dataset = next(plain_datasets(options.test_dataloader.dataset))
    try:
        return DetInferencer(options, checkpoint, device, palette=palette, show_progress=False)
    # Our models' of a checkpoint that does not fit, and torch's of a missing device, whose
    # other lines are advice on debugging CUDA.
    except (AssertionError, RuntimeError) as error:
        reason = str(error).partition('\n')[0]
        raise ValueError(f'{checkpoint} cannot be loaded: {reason}') from error
