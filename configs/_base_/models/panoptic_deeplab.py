# Panoptic-DeepLab's heads, losses and thresholds as published (Cheng et al., CVPR 2020); EINet's
# trunk goes before them, so that both methods compare on equal terms, see panoptic_deeplab_r50.py.
# Class counts, top_fraction and stuff_area come from the data set's base.
model = dict(
    type='PanopticDeepLab',
    semantic_head=dict(type='SemanticHead', in_channels=256, hidden_channels=256),
    center_head=dict(type='CentroidHeatmapHead', in_channels=256),
    offset_head=dict(type='OffsetHead', in_channels=256),
    targets=dict(small_instance_area=4096, small_instance_weight=3.0, sigma=8.0),
    criterion=dict(
        type='PanopticDeepLabCriterion',
        losses=dict(
            semantic=dict(type='BootstrappedCrossEntropyLoss'),
            heatmap=dict(type='HeatmapMSELoss', loss_weight=200.0),
            offset=dict(type='OffsetL1Loss', loss_weight=0.01),
        ),
    ),
    fusion=dict(type='OffsetPanopticFusion', kernel_size=7, peak_threshold=0.1, top_k=200),
)
tta_model = None  # EINet's does not fit
