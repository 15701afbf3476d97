# EINet with an Xception-71 at output stride 16. Its parameters carry timm's names, so that timm's
# ImageNet weights (xception71.tf_in1k) load by name. They expect values in [-1, 1]. Download them,
# then add model.backbone.init_cfg="dict(type='Pretrained', checkpoint='FILE')".
_base_ = './einet_r50.py'
norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    data_preprocessor=dict(mean=[127.5, 127.5, 127.5], std=[127.5, 127.5, 127.5]),
    backbone=dict(_delete_=True, type='Xception71', output_stride=16, norm_cfg=norm_cfg),
    semantic_decoder=dict(in_channels=(256, 728, 2048)),
    instance_decoder=dict(in_channels=(256, 728, 2048)),
)
