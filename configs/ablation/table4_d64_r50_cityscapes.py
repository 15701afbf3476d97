# Table 4: embeddings of 64.
_base_ = '../einet_r50_cityscapes.py'
model = dict(embed_dims=64)
