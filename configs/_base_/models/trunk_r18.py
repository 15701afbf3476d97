# What comes before the heads, small enough to train on CPU cores: ResNet-18 of half width from
# scratch, narrow separable decoders. Group normalization sees one image at a time: the running
# statistics of small batches do not fit images whose contrast differs, see docs/study.md.
_base_ = './trunk_r50.py'
norm_cfg = dict(_delete_=True, type='GN', num_groups=8)
trunk = dict(
    backbone=dict(
        depth=18,
        base_channels=32,
        stem_channels=32,
        strides=(1, 2, 2, 2),
        dilations=(1, 1, 1, 1),
        norm_cfg=norm_cfg,
        init_cfg=None,
    ),
    semantic_decoder=dict(
        in_channels=(32, 64, 256),
        channels=64,
        aspp_channels=64,
        skip_channels=(32, 16),
        separable=True,
        norm_cfg=norm_cfg,
    ),
    instance_decoder=dict(
        in_channels=(32, 64, 256), channels=64, separable=True, norm_cfg=norm_cfg
    ),
)
