# Instances are found whatever the class of their pixels, which vote for it.
_base_ = '../einet_r50_cityscapes.py'
model = dict(fusion=dict(grouping='vote', top_k=200))
