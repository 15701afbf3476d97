# EINet, ResNet-50 at output stride 16, ADE20K panoptic, 8 GPUs x 2 images.
_base_ = [
    './_base_/models/einet_r50.py',
    './_base_/datasets/ade20k_panoptic.py',
    './_base_/schedules/adamw_120k.py',
    './_base_/default_runtime.py',
]
model = _base_.pop('model_settings')
# An epoch: 20,210 images / 16.
param_scheduler = [dict(_base_.param_scheduler[0], unit=1263)]
train_cfg = dict(max_iters=160000)
sync_bn = 'torch'
