# Panoptic-DeepLab on Cityscapes: 60k iterations of 32 images.
_base_ = './poly_90k.py'
train_cfg = dict(max_iters=60000)
auto_scale_lr = dict(base_batch_size=32)
