# COCO 2017 panoptic as Panoptic-DeepLab takes it: longest side 640, random scale, crop 640 x 640.
_base_ = './coco_panoptic.py'

model_settings = dict(
    # Training batches are padded to (h, w): the crop, up to a multiple of 16.
    data_preprocessor=dict(batch_augments=[dict(type='BatchFixedSizePad', size=(640, 640))]),
)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPanopticSegments'),
    dict(type='RandomResize', scale=(640, 640), ratio_range=(0.5, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(640, 640)),  # (w, h)
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackPanopticInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPanopticSegments'),
    dict(type='Resize', scale=(640, 640), keep_ratio=True),
    dict(type='PackPanopticInputs'),
]

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
