# Table 3: InsAug, SemAug; embeddings of 128.
_base_ = '../einet_r50_cityscapes.py'
model = dict(embed_dims=128, criterion=dict(losses=dict(centroid=None)))
