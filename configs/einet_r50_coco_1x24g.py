# EINet, ResNet-50, COCO, meant for one GPU of 24 GB (estimated, not measured): 16 batches of 2
# images make one optimizer step, so that a step sees 32 images as on 8 GPUs. Iterations count
# batches: 16 times as many.
_base_ = [
    './_base_/models/einet_r50.py',
    './_base_/datasets/coco_panoptic.py',
    './_base_/schedules/adamw_450k.py',
    './_base_/default_runtime.py',
]
model = _base_.pop('model_settings')
train_dataloader = dict(batch_size=2)
optim_wrapper = dict(accumulative_counts=16)
param_scheduler = [dict(_base_.param_scheduler[0], unit=16 * 3697)]
train_cfg = dict(max_iters=16 * 450000, val_interval=16 * 10000)
