# Table 3: SemAug, on the synthetic shapes.
_base_ = '../einet_tiny_shapes.py'
model = dict(criterion=dict(losses=dict(consistency=None, centroid=None)))
