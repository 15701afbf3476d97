# A small EINet that trains on CPU cores: position-aware instance embeddings and the focal heatmap
# loss learn faster.
_base_ = ['./einet.py', './trunk_r18.py']
model = dict(
    _base_.pop('trunk'),
    embed_dims=32,
    semantic_head=dict(in_channels=64, hidden_channels=64, norm_cfg=_base_.norm_cfg),
    instance_head=dict(in_channels=64, position='add', position_scale=16.0),
    centroid_head=dict(prior_prob=0.01, norm_cfg=_base_.norm_cfg),
    criterion=dict(
        calibrated_weight=3.0,
        losses=dict(
            heatmap=dict(_delete_=True, type='HeatmapFocalLoss', loss_weight=2.0),
            push=dict(loss_weight=1.0),
            pull=dict(loss_weight=1.0),
            consistency=dict(loss_weight=1.0),
            centroid=dict(loss_weight=1.0),
        ),
    ),
    fusion=dict(kernel_size=5, peak_threshold=0.15, top_k=300),
)
