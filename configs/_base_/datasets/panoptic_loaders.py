# What every data set's loaders share; a data set gives its type, paths, pipelines and batch size.
train_dataloader = dict(
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
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
