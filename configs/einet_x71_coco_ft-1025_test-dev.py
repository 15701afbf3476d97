# EINet, Xception-71, COCO test-dev at 1025 pixels: writes results for the evaluation server, for a
# checkpoint of einet_x71_coco_ft-1025.py. See docs/metrics.md.
_base_ = [
    './_base_/models/einet_x71.py',
    './_base_/datasets/coco_panoptic_test-dev.py',
    './_base_/schedules/adamw_450k.py',
    './_base_/default_runtime.py',
]
model = _base_.pop('model_settings')
