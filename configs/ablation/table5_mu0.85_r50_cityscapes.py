# Table 5: momentum 0.85 of the semantic centers.
_base_ = '../einet_r50_cityscapes.py'
model = dict(interaction=dict(centers=dict(momentum=0.85)))
