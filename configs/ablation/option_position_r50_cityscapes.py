# Not in the paper: two channels of the instance embedding get the pixel's own coordinates.
_base_ = '../einet_r50_cityscapes.py'
model = dict(instance_head=dict(position='add', position_scale=64.0))
