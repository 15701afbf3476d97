# EINet, Xception-71 at output stride 16, Cityscapes panoptic, 8 GPUs x 2 images.
_base_ = [
    './_base_/models/einet_x71.py',
    './_base_/datasets/cityscapes_panoptic.py',
    './_base_/schedules/adamw_120k.py',
    './_base_/default_runtime.py',
]
model = dict(num_things_classes=8, num_stuff_classes=11)
sync_bn = 'torch'
