# Table 3: no interaction, on the synthetic shapes.
_base_ = '../einet_tiny_shapes.py'
model = dict(
    criterion=dict(losses=dict(consistency=None, centroid=None)),
    interaction=dict(sem_aug=False),
)
