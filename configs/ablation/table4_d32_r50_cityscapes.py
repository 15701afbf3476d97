# Table 4: embeddings of 32.
_base_ = '../einet_r50_cityscapes.py'
model = dict(embed_dims=32)
