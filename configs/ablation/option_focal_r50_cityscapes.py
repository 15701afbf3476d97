# Not in the paper: Gaussian focal loss on the heatmap in place of the squared error.
_base_ = '../einet_r50_cityscapes.py'
model = dict(
    centroid_head=dict(prior_prob=0.01),
    criterion=dict(
        losses=dict(heatmap=dict(_delete_=True, type='HeatmapFocalLoss', loss_weight=1.0))
    ),
)
