# Panoptic-DeepLab on COCO: 200k iterations of 64 images.
_base_ = './poly_90k.py'
train_cfg = dict(max_iters=200000, val_interval=10000)
auto_scale_lr = dict(base_batch_size=64)
