# A small EINet that trains on CPU cores: ResNet-18 of half width from scratch, narrow separable
# decoders, position-aware instance embeddings and the focal heatmap loss, which learns faster.
_base_ = './einet_r50.py'
model = dict(
    embed_dims=32,
    backbone=dict(
        depth=18,
        base_channels=32,
        stem_channels=32,
        strides=(1, 2, 2, 2),
        dilations=(1, 1, 1, 1),
        init_cfg=None,
    ),
    semantic_decoder=dict(
        in_channels=(32, 64, 256),
        channels=64,
        aspp_channels=64,
        skip_channels=(32, 16),
        separable=True,
    ),
    instance_decoder=dict(in_channels=(32, 64, 256), channels=64, separable=True),
    semantic_head=dict(in_channels=64),
    instance_head=dict(in_channels=64, position='add', position_scale=16.0),
    targets=dict(small_instance_weight=1.0),  # all objects are small here
    centroid_head=dict(prior_prob=0.01),
    criterion=dict(
        losses=dict(
            semantic=dict(top_fraction=1.0),
            heatmap=dict(_delete_=True, type='HeatmapFocalLoss', loss_weight=1.0),
            center=dict(loss_weight=0.1),
            push=dict(loss_weight=1.0),
            pull=dict(loss_weight=1.0),
        )
    ),
    fusion=dict(kernel_size=5, peak_threshold=0.2, top_k=300, stuff_area=0),
)
