# EINet with a ResNet-50 at output stride 16; the paper's widths, weights and thresholds.
# The dataset's config gives num_things_classes and num_stuff_classes.
norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    type='EINet',
    embed_dims=256,
    data_preprocessor=dict(
        type='PanopticDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_size_divisor=16,
    ),
    backbone=dict(
        type='mmdet.ResNet',
        depth=50,
        strides=(1, 2, 2, 1),
        dilations=(1, 1, 1, 2),
        out_indices=(0, 1, 2, 3),
        norm_cfg=norm_cfg,
        norm_eval=False,
        style='pytorch',
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.pytorch.org/models/resnet50-0676ba61.pth',
        ),
    ),
    semantic_decoder=dict(
        type='SemanticDecoder', in_channels=(256, 512, 2048), channels=256, norm_cfg=norm_cfg
    ),
    instance_decoder=dict(
        type='InstanceDecoder', in_channels=(256, 512, 2048), channels=256, norm_cfg=norm_cfg
    ),
    semantic_head=dict(type='SemanticEmbeddingHead', in_channels=256),
    instance_head=dict(type='InstanceEmbeddingHead', in_channels=256, position=None),
    centroid_head=dict(type='CentroidHeatmapHead', norm_cfg=norm_cfg),
    esm=dict(type='ESM'),
    interaction=dict(
        type='InteractionHead',
        sem_aug=True,
        calibration='dual',
        centers=dict(type='SemanticCenters', momentum=0.9),
    ),
    targets=dict(
        small_instance_area=4096, small_instance_weight=3.0, min_overlap=0.1, min_radius=2
    ),
    criterion=dict(
        type='EINetCriterion',
        losses=dict(
            semantic=dict(type='BootstrappedCrossEntropyLoss', top_fraction=0.2),
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
        kernel_size=8,
        peak_threshold=0.3,
        top_k=30,
        stuff_area=2048,
    ),
)
tta_model = dict(type='EINetTTA')
