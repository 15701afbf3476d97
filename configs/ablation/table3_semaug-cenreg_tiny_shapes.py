# Table 3: SemAug, CenReg, on the synthetic shapes.
_base_ = '../einet_tiny_shapes.py'
model = dict(criterion=dict(losses=dict(consistency=None)))
