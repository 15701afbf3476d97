# EINet, ResNet-50, stride 16, separable convolutions, COCO panoptic, 8 GPUs x 4 images.
_base_ = [
    './_base_/models/einet_r50.py',
    './_base_/models/separable.py',
    './_base_/datasets/coco_panoptic.py',
    './_base_/schedules/adamw_450k.py',
    './_base_/default_runtime.py',
]
model = dict(_base_.pop('separable'), **_base_.pop('model_settings'))
sync_bn = 'torch'
