# Not in the paper: depthwise-separable convolutions in decoders and heads, as peers use.
_base_ = '../einet_r50_cityscapes.py'
model = dict(
    semantic_decoder=dict(separable=True),
    instance_decoder=dict(separable=True),
    semantic_head=dict(separable=True),
    instance_head=dict(separable=True),
    centroid_head=dict(separable=True),
)
