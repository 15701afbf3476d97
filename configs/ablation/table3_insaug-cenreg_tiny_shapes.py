# Table 3: InsAug, CenReg, on the synthetic shapes.
_base_ = '../einet_tiny_shapes.py'
model = dict(interaction=dict(sem_aug=False))
