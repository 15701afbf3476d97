# Eq. 3 to the letter: the update is not divided by its weights.
_base_ = '../einet_r50_cityscapes.py'
model = dict(interaction=dict(centers=dict(normalize=False)))
