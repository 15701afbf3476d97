# Cityscapes: 120k iterations of 16 images, AdamW, cosine with restarts (T_0 = 5, T_mult = 2).
_base_ = './adamw_450k.py'
# An epoch: 2,975 images / 16.
param_scheduler = [dict(_base_.param_scheduler[0], unit=186)]
train_cfg = dict(max_iters=120000, val_interval=5000)
auto_scale_lr = dict(base_batch_size=16)
