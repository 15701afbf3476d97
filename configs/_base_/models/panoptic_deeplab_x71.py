# Panoptic-DeepLab with an Xception-71 at output stride 16.
_base_ = ['./panoptic_deeplab.py', './trunk_x71.py']
model = _base_.pop('trunk')
