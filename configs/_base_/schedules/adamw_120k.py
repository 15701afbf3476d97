# Cityscapes: 120k iterations of 16 pictures, AdamW, cosine with restarts (T_0 = 5, T_mult = 2).
_base_ = './adamw_450k.py'
max_iters = 120000
iters_per_epoch = 186  # 2,975 pictures / 16
restart_unit = iters_per_epoch
param_scheduler = [
    dict(
        type='CosineRestartLR',
        periods=[5 * restart_unit * 2**i for i in range(8)],
        restart_weights=[1.0] * 8,
        eta_min=0.0,
        by_epoch=False,
    )
]
train_cfg = dict(max_iters=max_iters, val_interval=5000)
auto_scale_lr = dict(base_batch_size=16)
