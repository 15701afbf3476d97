# A small Panoptic-DeepLab that trains on CPU cores, with the trunk of einet_r18.py.
_base_ = ['./panoptic_deeplab.py', './trunk_r18.py']
model = dict(
    _base_.pop('trunk'),
    semantic_head=dict(in_channels=64, hidden_channels=64, norm_cfg=_base_.norm_cfg),
    center_head=dict(in_channels=64, norm_cfg=_base_.norm_cfg),
    offset_head=dict(in_channels=64, norm_cfg=_base_.norm_cfg),
    fusion=dict(kernel_size=13, top_k=300),
)
