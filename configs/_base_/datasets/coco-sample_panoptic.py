# A few images of COCO 2017 panoptic in COCO's layout, longest side 320 px. No augmentation but
# the crop: the aim is to overfit them.
_base_ = './panoptic_loaders.py'
dataset_type = 'Coco2017PanopticDataset'
data_root = 'data/coco_sample/'

# What a model has to know of the data, see docs/configs.md.
model_settings = dict(
    num_things_classes=80,
    num_stuff_classes=53,
    # Training batches are padded to (h, w): the crop, up to a multiple of 16.
    data_preprocessor=dict(batch_augments=[dict(type='BatchFixedSizePad', size=(256, 256))]),
    criterion=dict(semantic_stride=2, losses=dict(semantic=dict(top_fraction=0.25))),
    # COCO's 4096 of images of 640 px, for images of 320 px.
    fusion=dict(stuff_area=1024),
)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPanopticSegments'),
    dict(type='RandomCrop', crop_size=(256, 256)),  # (w, h)
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
                for scale in (1.0, 0.75, 1.25)
            ],
            [dict(type='RandomFlip', prob=prob) for prob in (0.0, 1.0)],
            [dict(type='PackPanopticInputs')],
        ],
    ),
]

train_dataloader = dict(
    batch_size=4,
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='annotations/panoptic_train2017.json',
        data_prefix=dict(img='train2017/', seg='annotations/panoptic_train2017/'),
        pipeline=train_pipeline,
    ),
)
# On the training images: too few to learn 133 classes from, enough to see that all fits.
val_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='annotations/panoptic_train2017.json',
        data_prefix=dict(img='train2017/', seg='annotations/panoptic_train2017/'),
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
