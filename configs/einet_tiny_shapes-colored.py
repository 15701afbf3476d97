# Many classes, some of them rare, on 2 CPU cores: a small EINet on shapes in four colors.
_base_ = [
    './_base_/models/einet_r18.py',
    './_base_/datasets/shapes-colored_panoptic.py',
    './_base_/schedules/adamw_small.py',
    './_base_/default_runtime.py',
]
model = _base_.pop('model_settings')
model.instance_head = dict(position_scale=8.0)
model.criterion.calibrated_weight = 10.0
model.fusion.peak_threshold = 0.2
train_cfg = dict(max_iters=1200, val_interval=400)
