# What comes before the heads, with an Xception-71 at output stride 16. Its ImageNet weights, timm's
# port of DeepLab's, expect values in [-1, 1].
_base_ = './trunk_r50.py'
trunk = dict(
    data_preprocessor=dict(mean=[127.5, 127.5, 127.5], std=[127.5, 127.5, 127.5]),
    backbone=dict(
        _delete_=True,
        type='Xception71',
        output_stride=16,
        norm_cfg=dict(type='BN', requires_grad=True),
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://github.com/rwightman/pytorch-image-models/releases/download/'
            'v0.1-weights/tf_xception_71-8eec7df1.pth',
        ),
    ),
    semantic_decoder=dict(in_channels=(256, 728, 2048)),
    instance_decoder=dict(in_channels=(256, 728, 2048)),
)
