# A small EINet on a few COCO pictures with all 133 classes, to overfit them on 2 CPU cores.
_base_ = [
    './_base_/models/einet_r18.py',
    './_base_/datasets/coco-sample_panoptic.py',
    './_base_/schedules/adamw_small.py',
    './_base_/default_runtime.py',
]
model = dict(
    num_thing_classes=80,
    num_stuff_classes=53,
    embed_dims=64,
    backbone=dict(base_channels=64, stem_channels=64),
    semantic_decoder=dict(in_channels=(64, 128, 512), channels=128, aspp_channels=128),
    instance_decoder=dict(in_channels=(64, 128, 512), channels=128),
    semantic_head=dict(in_channels=128, separable=True),
    instance_head=dict(in_channels=128, separable=True, position_scale=32.0),
)
train_cfg = dict(max_iters=1500, val_interval=500)
