# EINet, Xception-71, COCO: the last 50k of 450k iterations at 1025 x 1025 pixels. It goes on where
# einet_x71_coco.py stopped after 400k, in the schedule of 450k: train that with
# --cfg-options train_cfg.max_iters=400000 param_scheduler.0.end=450000.
_base_ = [
    './_base_/models/einet_x71.py',
    './_base_/datasets/coco_panoptic-1025.py',
    './_base_/schedules/adamw_450k.py',
    './_base_/default_runtime.py',
]
model = _base_.pop('model_settings')
load_from = 'work_dirs/einet_x71_coco/iter_400000.pth'
resume = True  # optimizer, schedule, Q and iteration too
sync_bn = 'torch'
