# Eq. 4 to the letter: the classifier sees calibrated embeddings only.
_base_ = '../einet_r50_cityscapes.py'
model = dict(interaction=dict(calibration='replace'))
