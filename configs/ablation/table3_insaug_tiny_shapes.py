# Table 3: InsAug, on the synthetic shapes; R_ins as printed.
_base_ = '../einet_tiny_shapes.py'
model = dict(
    criterion=dict(losses=dict(consistency=dict(categories='present'), centroid=None)),
    interaction=dict(sem_aug=False),
)
