# EINet, ResNet-50, stride 16, separable convolutions, Cityscapes panoptic, 8 GPUs x 2 images.
_base_ = [
    './_base_/models/einet_r50.py',
    './_base_/models/separable.py',
    './_base_/datasets/cityscapes_panoptic.py',
    './_base_/schedules/adamw_120k.py',
    './_base_/default_runtime.py',
]
model = dict(_base_.pop('separable'), **_base_.pop('model_settings'))
sync_bn = 'torch'
