# What comes before the heads, with a ResNet-50 at output stride 16: preprocessing, backbone and the
# paper's two decoders. Both methods have it: `model = _base_.pop('trunk')`.
norm_cfg = dict(type='BN', requires_grad=True)
trunk = dict(
    data_preprocessor=dict(
        type='PanopticDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_size_divisor=16,
    ),
    backbone=dict(
        type='mmdet.ResNet',
        depth=50,
        strides=(1, 2, 2, 1),
        dilations=(1, 1, 1, 2),
        out_indices=(0, 1, 2, 3),
        norm_cfg=norm_cfg,
        norm_eval=False,
        style='pytorch',
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.pytorch.org/models/resnet50-0676ba61.pth',
        ),
    ),
    semantic_decoder=dict(
        type='SemanticDecoder', in_channels=(256, 512, 2048), channels=256, norm_cfg=norm_cfg
    ),
    instance_decoder=dict(
        type='InstanceDecoder', in_channels=(256, 512, 2048), channels=256, norm_cfg=norm_cfg
    ),
)
