# Not in the paper: the peers' schedule, Adam with a polynomial over 90k iterations.
_base_ = [
    '../_base_/models/einet_r50.py',
    '../_base_/datasets/cityscapes_panoptic.py',
    '../_base_/schedules/poly_90k.py',
    '../_base_/default_runtime.py',
]
model = dict(num_things_classes=8, num_stuff_classes=11)
sync_bn = 'torch'
