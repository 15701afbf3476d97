# Eq. 2 to the letter: the farthest category weighs most.
_base_ = '../einet_r50_cityscapes.py'
model = dict(interaction=dict(literal_affinity=True))
