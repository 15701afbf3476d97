# Panoptic-DeepLab (Cheng et al., CVPR 2020) with the encoder, the decoders and the preprocessing of
# einet_r50.py, so that both methods compare on equal terms. Heads, weights and thresholds as
# published. The dataset's config gives num_things_classes and num_stuff_classes.
_base_ = './einet_r50.py'
norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    _delete_=True,
    type='PanopticDeepLab',
    data_preprocessor={{_base_.model.data_preprocessor}},
    backbone={{_base_.model.backbone}},
    semantic_decoder={{_base_.model.semantic_decoder}},
    instance_decoder={{_base_.model.instance_decoder}},
    semantic_head=dict(
        type='SemanticHead', in_channels=256, hidden_channels=256, norm_cfg=norm_cfg
    ),
    center_head=dict(type='CentroidHeatmapHead', in_channels=256, norm_cfg=norm_cfg),
    offset_head=dict(type='OffsetHead', in_channels=256, norm_cfg=norm_cfg),
    targets=dict(small_instance_area=4096, small_instance_weight=3.0, sigma=8.0),
    criterion=dict(
        type='PanopticDeepLabCriterion',
        semantic=dict(type='BootstrappedCrossEntropyLoss', top_fraction=0.2),
        heatmap=dict(type='HeatmapMSELoss', loss_weight=200.0),
        offset=dict(type='OffsetL1Loss', loss_weight=0.01),
    ),
    fusion=dict(
        type='OffsetPanopticFusion',
        kernel_size=7,
        peak_threshold=0.1,
        top_k=200,
        stuff_area=2048,
    ),
)
tta_model = None  # EINet's does not fit
