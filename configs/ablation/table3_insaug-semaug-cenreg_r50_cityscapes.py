# Table 3: InsAug, SemAug, CenReg; embeddings of 128.
_base_ = '../einet_r50_cityscapes.py'
model = dict(embed_dims=128)
