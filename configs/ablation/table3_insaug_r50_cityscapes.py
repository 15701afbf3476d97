# Table 3: InsAug; embeddings of 128.
_base_ = '../einet_r50_cityscapes.py'
model = dict(
    embed_dims=128,
    criterion=dict(losses=dict(centroid=None)),
    interaction=dict(sem_aug=False),
)
