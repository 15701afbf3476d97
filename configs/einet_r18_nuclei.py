# A small EINet on microscopy nuclei; trains in about half an hour on one CPU core.
_base_ = [
    './_base_/models/einet_r18.py',
    './_base_/datasets/nuclei_panoptic.py',
    './_base_/schedules/adamw_small.py',
    './_base_/default_runtime.py',
]
model = _base_.pop('model_settings')
train_cfg = dict(max_iters=4000, val_interval=1000)
