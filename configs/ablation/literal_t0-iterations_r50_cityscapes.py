# T_0 = 5 counted in iterations.
_base_ = '../einet_r50_cityscapes.py'
param_scheduler = [
    dict(type='CosineWarmRestartsLR', t_0=5, t_mult=2, unit=1, by_epoch=False),
]
