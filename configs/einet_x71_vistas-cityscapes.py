# EINet, Xception-71, Cityscapes after Mapillary Vistas ("+MV" in the paper's Table 2).
# First train einet_x71_vistas.py, or name another checkpoint with --cfg-options load_from=FILE.
_base_ = [
    './_base_/models/einet_x71.py',
    './_base_/datasets/cityscapes_panoptic.py',
    './_base_/schedules/adamw_120k.py',
    './_base_/default_runtime.py',
]
model = dict(
    _base_.pop('model_settings'),
    allow_other_classes=True,  # the classifier, the heatmap and Q start afresh
    backbone=dict(init_cfg=None),
)
load_from = 'work_dirs/einet_x71_vistas/iter_120000.pth'
sync_bn = 'torch'
