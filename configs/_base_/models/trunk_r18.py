# What comes before the heads, small enough to train on CPU cores: ResNet-18 of half width from
# scratch, narrow separable decoders.
_base_ = './trunk_r50.py'
trunk = dict(
    backbone=dict(
        depth=18,
        base_channels=32,
        stem_channels=32,
        strides=(1, 2, 2, 2),
        dilations=(1, 1, 1, 1),
        init_cfg=None,
    ),
    semantic_decoder=dict(
        in_channels=(32, 64, 256),
        channels=64,
        aspp_channels=64,
        skip_channels=(32, 16),
        separable=True,
    ),
    instance_decoder=dict(in_channels=(32, 64, 256), channels=64, separable=True),
)
