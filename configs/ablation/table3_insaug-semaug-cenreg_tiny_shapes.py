# Table 3: InsAug, SemAug, CenReg, on the synthetic shapes.
_base_ = '../einet_tiny_shapes.py'
