# Not in the paper: the peers' schedule, Adam with a polynomial over 90k iterations.
_base_ = [
    '../_base_/models/einet_r50.py',
    '../_base_/datasets/cityscapes_panoptic.py',
    '../_base_/schedules/poly_90k.py',
    '../_base_/default_runtime.py',
]
model = _base_.pop('model_settings')
sync_bn = 'torch'
