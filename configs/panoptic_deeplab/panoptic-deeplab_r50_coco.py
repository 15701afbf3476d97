# Panoptic-DeepLab, ResNet-50 at output stride 16, COCO panoptic, 8 GPUs x 8 images.
_base_ = [
    '../_base_/models/panoptic_deeplab_r50.py',
    '../_base_/datasets/coco_panoptic-640.py',
    '../_base_/schedules/poly_200k.py',
    '../_base_/default_runtime.py',
]
model = _base_.pop('model_settings')
train_dataloader = dict(batch_size=8)
sync_bn = 'torch'
