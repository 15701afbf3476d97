# What every data set's loaders share; a data set gives its type, paths, pipelines and batch size.

# The paper blurs and equalizes (CLAHE) some images; how many and how much it does not say.
blur_and_clahe = [
    dict(type='RandomApply', prob=0.1, transforms=[dict(type='GaussianBlur')]),
    dict(type='RandomApply', prob=0.1, transforms=[dict(type='mmseg.CLAHE', clip_limit=2.0)]),
]

train_dataloader = dict(
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='ResumableSampler', shuffle=True),
    dataset=dict(type='PanopticDataset'),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='PanopticDataset', test_mode=True),
)
test_dataloader = val_dataloader

# See docs/metrics.md. Instance AP takes longest, so it is left to tools/test.py.
val_evaluator = dict(type='PanopticMetric', metric=['PQ', 'mIoU'])
test_evaluator = dict(type='PanopticMetric', metric=['PQ', 'AP', 'mIoU'])
