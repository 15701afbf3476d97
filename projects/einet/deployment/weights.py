"""A trained model, with every parameter from its checkpoint."""

from __future__ import annotations

from pathlib import Path

from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner.checkpoint import CheckpointLoader

from ..models.checkpoints import check_classes, own_metainfo
from ..models.detector import PanopticDetector


def load_trained(config: Config, checkpoint: str | Path) -> PanopticDetector:
    """Build a config's model with the weights of a checkpoint, to predict on the CPU.

    mmengine only warns of parameters that a checkpoint lacks.

    Args:
        config: Its published weights are not read.
        checkpoint: File of a training with this config.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        ValueError: It cannot be read, or belongs to another config.
    """
    init_default_scope(config.get('default_scope', 'mmdet'))
    settings = config.model.copy()
    settings.backbone = {**settings.backbone, 'init_cfg': None}
    model = MODELS.build(settings)
    if not isinstance(model, PanopticDetector):
        raise ValueError(f'{config.filename}: {type(model).__name__} is no model of this project')
    content = CheckpointLoader.load_checkpoint(str(checkpoint), map_location='cpu')
    found = content.get('state_dict', content)
    own = model.state_dict()
    shapes = {key: value.shape for key, value in found.items()}
    wrong = [key for key, value in own.items() if shapes.get(key) != value.shape]
    if wrong:
        raise ValueError(
            f'{checkpoint} is no checkpoint of {config.filename}: {len(wrong)} of its '
            f'{len(own)} parameters are missing or have another shape, such as {wrong[0]}'
        )
    check_classes(
        content.get('meta', {}).get('dataset_meta'),
        own_metainfo(config),
        ('checkpoint', 'config'),
    )
    model.load_state_dict({key: found[key] for key in own})
    return model.eval()
