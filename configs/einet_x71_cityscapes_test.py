# EINet, Xception-71, test split of Cityscapes: writes results for the evaluation server, for a
# checkpoint of einet_x71_cityscapes.py. See docs/metrics.md.
_base_ = [
    './_base_/models/einet_x71.py',
    './_base_/datasets/cityscapes_panoptic_test.py',
    './_base_/schedules/adamw_120k.py',
    './_base_/default_runtime.py',
]
model = _base_.pop('model_settings')
