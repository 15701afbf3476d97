# Panoptic-DeepLab with a ResNet-50 at output stride 16.
_base_ = ['./panoptic_deeplab.py', './trunk_r50.py']
model = _base_.pop('trunk')
