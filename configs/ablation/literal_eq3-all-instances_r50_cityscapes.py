# Eq. 3 to the letter: the center of a thing class is moved by all instances of the image.
_base_ = '../einet_r50_cityscapes.py'
model = dict(interaction=dict(instances='all'))
