# Panoptic-DeepLab with the data, encoder, decoders and schedule of einet_r18_coco-sample.py.
_base_ = [
    '../_base_/models/panoptic_deeplab_r18.py',
    '../_base_/datasets/coco-sample_panoptic.py',
    '../_base_/schedules/adamw_small.py',
    '../_base_/default_runtime.py',
]
model = dict(
    num_things_classes=80,
    num_stuff_classes=53,
    targets=dict(small_instance_weight=3.0),
    criterion=dict(semantic_stride=2, semantic=dict(top_fraction=0.25)),
)
train_cfg = dict(max_iters=4500, val_interval=1500)
custom_hooks = []  # no semantic centers to commit
