# Panoptic-DeepLab, Xception-71 at output stride 16, COCO panoptic, 8 GPUs x 8 images.
_base_ = [
    '../_base_/models/panoptic_deeplab_x71.py',
    '../_base_/datasets/coco_panoptic-640.py',
    '../_base_/schedules/poly_200k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    num_things_classes=80,
    num_stuff_classes=53,
    criterion=dict(semantic=dict(top_fraction=1.0)),
    fusion=dict(stuff_area=4096),
)
train_dataloader = dict(batch_size=8)
custom_hooks = []  # no semantic centers to commit
sync_bn = 'torch'
