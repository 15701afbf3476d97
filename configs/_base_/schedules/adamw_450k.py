# COCO: 450k iterations of 32 images, AdamW, cosine with restarts (T_0 = 5, T_mult = 2).
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.01))
# The paper leaves the unit of T_0 open; read as epochs, 118,287 images / 32, and fitted so that the
# training ends with a period. In iterations: unit=1.
param_scheduler = [
    dict(
        type='CosineWarmRestartsLR',
        t_0=5,
        t_mult=2,
        unit=3697,
        whole_periods=True,
        by_epoch=False,
    ),
]
train_cfg = dict(type='ResumableTrainLoop', max_iters=450000, val_interval=10000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
auto_scale_lr = dict(enable=False, base_batch_size=32)
