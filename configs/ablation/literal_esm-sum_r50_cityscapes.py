# Fig. 3 to the letter: attention-weighted sums, no mean.
_base_ = '../einet_r50_cityscapes.py'
model = dict(esm=dict(reduction='sum'))
