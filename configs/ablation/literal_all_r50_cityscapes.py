# Every equation to the letter.
_base_ = '../einet_r50_cityscapes.py'
model = dict(
    esm=dict(reduction='sum'),
    interaction=dict(
        literal_affinity=True,
        instances='all',
        calibration='replace',
        centers=dict(normalize=False),
    ),
    criterion=dict(
        losses=dict(
            center=dict(reduction='sum', category_reduction='sum'),
            centroid=dict(reduction='sum'),
        ),
    ),
    fusion=dict(grouping='class', top_k=30),
)
