# EINet's heads, losses and thresholds, the paper's; a trunk goes before them, see einet_r50.py.
# Class counts, top_fraction and stuff_area come from the data set's base.
model = dict(
    type='EINet',
    embed_dims=256,
    semantic_head=dict(type='SemanticEmbeddingHead', in_channels=256),
    instance_head=dict(type='InstanceEmbeddingHead', in_channels=256, position=None),
    centroid_head=dict(type='CentroidHeatmapHead'),
    esm=dict(type='ESM'),
    interaction=dict(
        type='InteractionHead',
        sem_aug=True,
        instances='own',
        calibration='extra',
        centers=dict(type='SemanticCenters', momentum=0.9),
    ),
    targets=dict(
        small_instance_area=4096, small_instance_weight=3.0, min_overlap=0.1, min_radius=2
    ),
    criterion=dict(
        type='EINetCriterion',
        calibrated_weight=10.0,
        losses=dict(
            semantic=dict(type='BootstrappedCrossEntropyLoss'),
            heatmap=dict(type='HeatmapMSELoss', reduction='sum', loss_weight=200.0),
            center=dict(type='SemanticCenterLoss', margin=5.0, loss_weight=0.01),
            push=dict(type='InstancePushLoss', delta_d=1.5, loss_weight=0.01),
            pull=dict(type='InstancePullLoss', delta_v=0.5, loss_weight=0.01),
            consistency=dict(type='InstanceSemanticConsistencyLoss', alpha=0.15, loss_weight=0.01),
            centroid=dict(type='CentroidRegularization', loss_weight=10.0),
        ),
    ),
    fusion=dict(
        type='EmbeddingPanopticFusion',
        grouping='vote',
        class_weight=4.0,
        max_distance=1.5,
        kernel_size=8,
        peak_threshold=0.3,
        top_k=200,
    ),
)
custom_hooks = [dict(type='SemanticCentersHook')]
tta_model = dict(type='EINetTTA')
