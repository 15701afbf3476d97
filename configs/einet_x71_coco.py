# EINet, Xception-71 at output stride 16, COCO panoptic, 8 GPUs x 4 images.
_base_ = [
    './_base_/models/einet_x71.py',
    './_base_/datasets/coco_panoptic.py',
    './_base_/schedules/adamw_450k.py',
    './_base_/default_runtime.py',
]
model = _base_.pop('model_settings')
sync_bn = 'torch'
