# EINet with a ResNet-50 at output stride 16.
_base_ = ['./einet.py', './trunk_r50.py']
model = _base_.pop('trunk')
