# COCO 2017 panoptic as Panoptic-DeepLab takes it: longest side 640, random scale, crop 640 x 640.
_base_ = './coco_panoptic.py'

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPanopticSegments'),
    dict(type='RandomResize', scale=(640, 640), ratio_range=(0.5, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(640, 640)),  # (w, h)
    dict(type='RandomFlip', prob=0.5),
    # The mean color in BGR, so that the border becomes 0; in the map 0 is void.
    dict(type='Pad', size=(640, 640), pad_val=dict(img=(103.53, 116.28, 123.675), seg=0)),
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
