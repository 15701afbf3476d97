"""The smallest complete detectors, for tests."""

from __future__ import annotations

from mmengine.config import Config, ConfigDict

from ..paths import CONFIGS

_NARROW = dict(
    num_things_classes=2,
    num_stuff_classes=1,
    backbone=dict(base_channels=8, stem_channels=8),
    semantic_decoder=dict(
        in_channels=(8, 16, 64), channels=8, aspp_channels=8, skip_channels=(4, 4)
    ),
    instance_decoder=dict(in_channels=(8, 16, 64), channels=8),
    semantic_head=dict(in_channels=8),
    targets=dict(small_instance_weight=1.0),
    fusion=dict(stuff_area=0),
)


def tiny_model(**overrides: object) -> ConfigDict:
    """Config of a narrow EINet with 2 thing and 1 stuff classes."""
    return _merged('einet_r18.py', dict(embed_dims=8, instance_head=dict(in_channels=8)), overrides)


def tiny_panoptic_deeplab(**overrides: object) -> ConfigDict:
    """Config of a narrow Panoptic-DeepLab with 2 thing and 1 stuff classes."""
    heads = dict(center_head=dict(in_channels=8), offset_head=dict(in_channels=8))
    return _merged('panoptic_deeplab_r18.py', heads, overrides)


def _merged(file: str, heads: dict, overrides: dict) -> ConfigDict:
    config = Config(dict(model=Config.fromfile(CONFIGS / '_base_' / 'models' / file).model))
    for changes in (_NARROW, heads, overrides):
        config.merge_from_dict(dict(model=changes))
    for part in config.model.values():
        # The presets' groups would have a channel each.
        if isinstance(part, dict) and part.get('norm_cfg', {}).get('type') == 'GN':
            part.norm_cfg = dict(type='BN')
    return config.model
