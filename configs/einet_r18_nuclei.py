# A small EINet on microscopy nuclei; trains in about half an hour on one CPU core.
_base_ = [
    './_base_/models/einet_r18.py',
    './_base_/datasets/nuclei_panoptic.py',
    './_base_/schedules/adamw_small.py',
    './_base_/default_runtime.py',
]
model = _base_.pop('model_settings')
# Wide peaks: nuclei are many, small and alike.
model.targets.min_radius = 5
model.fusion.update(kernel_size=7, peak_threshold=0.3)
# One class of things: no other center to be told from.
model.criterion.losses.consistency = dict(loss_weight=0.01)
train_cfg = dict(max_iters=4000, val_interval=1000)
