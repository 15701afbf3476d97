# The demo: a small EINet on synthetic shapes; trains in minutes on 2 CPU cores.
_base_ = [
    './_base_/models/einet_r18.py',
    './_base_/datasets/shapes_panoptic.py',
    './_base_/schedules/adamw_small.py',
    './_base_/default_runtime.py',
]
model = _base_.pop('model_settings')
model.instance_head = dict(position_scale=8.0)
model.fusion.peak_threshold = 0.2
train_cfg = dict(max_iters=1000, val_interval=500)
