# Eq. 1, first line, to the letter: sums over pixels and categories.
_base_ = '../einet_r50_cityscapes.py'
model = dict(criterion=dict(losses=dict(center=dict(reduction='sum', category_reduction='sum'))))
