# Table 3: CenReg, on the synthetic shapes.
_base_ = '../einet_tiny_shapes.py'
model = dict(criterion=dict(losses=dict(consistency=None)), interaction=dict(sem_aug=False))
