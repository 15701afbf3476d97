# Cityscapes panoptic: random scale, crop 1025 x 2049 (h x w), test at full size. Annotations come
# from tools/dataset_converters/cityscapes.py, see docs/data.md.
_base_ = './panoptic_loaders.py'
dataset_type = 'CityscapesPanopticDataset'
data_root = 'data/cityscapes/'

# What a model has to know of the data, see docs/configs.md.
model_settings = dict(
    num_things_classes=8,
    num_stuff_classes=11,
    # Training batches are padded to (h, w): the crop, up to a multiple of 16.
    data_preprocessor=dict(batch_augments=[dict(type='BatchFixedSizePad', size=(1040, 2064))]),
    criterion=dict(losses=dict(semantic=dict(top_fraction=0.2))),
    fusion=dict(stuff_area=2048),
)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPanopticSegments'),
    dict(type='RandomResize', scale=(2048, 1024), ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(2049, 1025)),  # (w, h)
    *_base_.blur_and_clahe,
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackPanopticInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPanopticSegments'),
    dict(type='PackPanopticInputs'),
]
# The first scale is that of test_pipeline: peaks are sought on its map.
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='Resize', scale_factor=scale, keep_ratio=True)
                for scale in (1.0, 0.5, 0.75, 1.25, 1.5, 1.75, 2.0)
            ],
            [dict(type='RandomFlip', prob=prob) for prob in (0.0, 1.0)],
            [dict(type='PackPanopticInputs')],
        ],
    ),
]

train_dataloader = dict(
    batch_size=2,
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='gtFine/cityscapes_panoptic_train.json',
        data_prefix=dict(img='leftImg8bit/train/', seg='gtFine/cityscapes_panoptic_train/'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='gtFine/cityscapes_panoptic_val.json',
        data_prefix=dict(img='leftImg8bit/val/', seg='gtFine/cityscapes_panoptic_val/'),
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader

# The benchmark's own AP, and its mIoU: pixels of a group, such as parked bicycles, count.
val_evaluator = dict(ignore_crowd=False)
test_evaluator = dict(metric=['PQ', 'cityscapes_AP', 'mIoU'], ignore_crowd=False)
