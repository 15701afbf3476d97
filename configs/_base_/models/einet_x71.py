# EINet with an Xception-71 at output stride 16.
_base_ = ['./einet.py', './trunk_x71.py']
model = _base_.pop('trunk')
