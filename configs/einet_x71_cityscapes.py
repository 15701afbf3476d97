# EINet, Xception-71 at output stride 16, Cityscapes panoptic, 8 GPUs x 2 images.
_base_ = [
    './_base_/models/einet_x71.py',
    './_base_/datasets/cityscapes_panoptic.py',
    './_base_/schedules/adamw_120k.py',
    './_base_/default_runtime.py',
]
model = _base_.pop('model_settings')
sync_bn = 'torch'
