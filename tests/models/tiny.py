"""The smallest complete EINet, for tests."""

from __future__ import annotations

from mmengine.config import Config, ConfigDict

from ..paths import CONFIGS


def tiny_model(**overrides: object) -> ConfigDict:
    """Config of a narrow model with 2 thing and 1 stuff classes."""
    model = Config.fromfile(CONFIGS / '_base_' / 'models' / 'einet_r18.py').model
    narrow = dict(
        num_thing_classes=2,
        num_stuff_classes=1,
        embed_dims=8,
        backbone=dict(base_channels=8, stem_channels=8),
        semantic_decoder=dict(
            in_channels=(8, 16, 64), channels=8, aspp_channels=8, skip_channels=(4, 4)
        ),
        instance_decoder=dict(in_channels=(8, 16, 64), channels=8),
        semantic_head=dict(in_channels=8),
        instance_head=dict(in_channels=8),
    )
    config = Config(dict(model=model))
    config.merge_from_dict(dict(model=narrow))
    config.merge_from_dict(dict(model=overrides))
    return config.model
