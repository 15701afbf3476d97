# Panoptic-DeepLab with the data, encoder, decoders and schedule of einet_tiny_shapes-colored.py.
_base_ = [
    '../_base_/models/panoptic_deeplab_r18.py',
    '../_base_/datasets/shapes-colored_panoptic.py',
    '../_base_/schedules/adamw_small.py',
    '../_base_/default_runtime.py',
]
model = _base_.pop('model_settings')
train_cfg = dict(max_iters=1200, val_interval=400)
