# Depthwise-separable convolutions in decoders and heads, as peers use; not in the paper:
# `model = dict(_base_.pop('separable'), ...)`.
separable = dict(
    semantic_decoder=dict(separable=True),
    instance_decoder=dict(separable=True),
    semantic_head=dict(separable=True),
    instance_head=dict(separable=True),
    centroid_head=dict(separable=True),
)
