# COCO: 450k iterations of 32 pictures, AdamW, cosine with restarts (T_0 = 5, T_mult = 2).
max_iters = 450000
iters_per_epoch = 3697  # 118,287 pictures / 32
# The paper leaves the unit of T_0 open; read as epochs. Another unit: its length in iterations.
restart_unit = iters_per_epoch
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.01))
param_scheduler = [
    dict(
        type='CosineRestartLR',
        periods=[5 * restart_unit * 2**i for i in range(5)],
        restart_weights=[1.0] * 5,
        eta_min=0.0,
        by_epoch=False,
    )
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=10000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
auto_scale_lr = dict(enable=False, base_batch_size=32)
