# Panoptic-DeepLab with the Xception-71, the decoders and the preprocessing of einet_x71.py.
_base_ = './panoptic_deeplab_r50.py'
norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    data_preprocessor=dict(mean=[127.5, 127.5, 127.5], std=[127.5, 127.5, 127.5]),
    backbone=dict(_delete_=True, type='Xception71', output_stride=16, norm_cfg=norm_cfg),
    semantic_decoder=dict(in_channels=(256, 728, 2048)),
    instance_decoder=dict(in_channels=(256, 728, 2048)),
)
