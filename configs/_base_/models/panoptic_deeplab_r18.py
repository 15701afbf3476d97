# A small Panoptic-DeepLab that trains on CPU cores: encoder and decoders are those of einet_r18.py.
_base_ = './panoptic_deeplab_r50.py'
model = dict(
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
    semantic_head=dict(in_channels=64, hidden_channels=64),
    center_head=dict(in_channels=64),
    offset_head=dict(in_channels=64),
    targets=dict(small_instance_weight=1.0),  # all objects are small here
    criterion=dict(semantic=dict(top_fraction=1.0)),
    fusion=dict(kernel_size=13, top_k=300, stuff_area=0),
)
