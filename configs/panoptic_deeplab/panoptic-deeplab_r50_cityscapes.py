# Panoptic-DeepLab, ResNet-50 at output stride 16, Cityscapes panoptic, 8 GPUs x 4 images.
_base_ = [
    '../_base_/models/panoptic_deeplab_r50.py',
    '../_base_/datasets/cityscapes_panoptic.py',
    '../_base_/schedules/poly_60k.py',
    '../_base_/default_runtime.py',
]
model = _base_.pop('model_settings')
train_dataloader = dict(batch_size=4)
sync_bn = 'torch'
