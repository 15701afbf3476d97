# Eq. 8 to the letter: summed over the embedding.
_base_ = '../einet_r50_cityscapes.py'
model = dict(criterion=dict(losses=dict(centroid=dict(reduction='sum'))))
