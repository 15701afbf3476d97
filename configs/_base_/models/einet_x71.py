# EINet with an Xception-71 at output stride 16. Its parameters carry timm's names, so that timm's
# ImageNet weights (xception71.tf_in1k) load: model.backbone.init_cfg.checkpoint=FILE_OR_URL
_base_ = './einet_r50.py'
norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    backbone=dict(_delete_=True, type='Xception71', output_stride=16, norm_cfg=norm_cfg),
    semantic_decoder=dict(in_channels=(256, 728, 2048)),
    instance_decoder=dict(in_channels=(256, 728, 2048)),
)
