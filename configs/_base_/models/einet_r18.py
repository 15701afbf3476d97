# A small EINet that trains on CPU cores: ResNet-18 from scratch, quarter-width decoders, separable
# convolutions and position-aware instance embeddings.
_base_ = './einet_r50.py'
norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    embed_dims=32,
    backbone=dict(depth=18, strides=(1, 2, 2, 2), dilations=(1, 1, 1, 1), init_cfg=None),
    semantic_decoder=dict(
        in_channels=(64, 128, 512), channels=64, aspp_channels=64, skip_channels=(32, 16), separable=True
    ),
    instance_decoder=dict(in_channels=(64, 128, 512), channels=64, separable=True),
    semantic_head=dict(in_channels=64),
    instance_head=dict(in_channels=64, position='add', position_scale=8.0),
    criterion=dict(
        losses=dict(
            semantic=dict(top_fraction=1.0),
            center=dict(loss_weight=0.1),
            push=dict(loss_weight=1.0),
            pull=dict(loss_weight=1.0),
        )
    ),
    fusion=dict(kernel_size=5, peak_threshold=0.1, top_k=300, stuff_area=0),
)
