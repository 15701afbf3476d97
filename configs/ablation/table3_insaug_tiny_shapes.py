# Table 3: InsAug, on the synthetic shapes.
_base_ = '../einet_tiny_shapes.py'
model = dict(criterion=dict(losses=dict(centroid=None)), interaction=dict(sem_aug=False))
