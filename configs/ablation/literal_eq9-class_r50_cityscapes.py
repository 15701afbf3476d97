# Eq. 9 to the letter: each thing class is grouped by itself.
_base_ = '../einet_r50_cityscapes.py'
model = dict(fusion=dict(grouping='class', top_k=30))
