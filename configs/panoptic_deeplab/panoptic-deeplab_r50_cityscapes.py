# Panoptic-DeepLab, ResNet-50 at output stride 16, Cityscapes panoptic, 8 GPUs x 4 images.
_base_ = [
    '../_base_/models/panoptic_deeplab_r50.py',
    '../_base_/datasets/cityscapes_panoptic.py',
    '../_base_/schedules/poly_60k.py',
    '../_base_/default_runtime.py',
]
model = dict(num_things_classes=8, num_stuff_classes=11)
train_dataloader = dict(batch_size=4)
custom_hooks = []  # no semantic centers to commit
sync_bn = 'torch'
