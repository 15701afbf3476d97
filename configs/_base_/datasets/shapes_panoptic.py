# Synthetic shapes, 128 x 128, as tools/dataset_converters/shapes.py writes them. At 1.5 times that
# size, as a shape of 15 px has few cells at stride 4.
_base_ = './panoptic_loaders.py'
data_root = 'data/shapes/'
metainfo = dict(
    thing_classes=('disc', 'square', 'triangle', 'star'),
    stuff_classes=('sky', 'grass', 'water'),
    palette=[
        (220, 60, 50),
        (210, 70, 220),
        (240, 200, 40),
        (90, 80, 240),
        (150, 190, 235),
        (80, 150, 60),
        (30, 95, 130),
    ],
)

# What a model has to know of the data, see docs/configs.md.
model_settings = dict(
    num_things_classes=4,
    num_stuff_classes=3,
    # Training batches are padded to (h, w): the crop, up to a multiple of 16.
    data_preprocessor=dict(batch_augments=[dict(type='BatchFixedSizePad', size=(176, 176))]),
    targets=dict(small_instance_weight=1.0),  # all objects are small here
    criterion=dict(losses=dict(semantic=dict(top_fraction=1.0))),
    fusion=dict(stuff_area=0),
)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPanopticSegments'),
    dict(type='RandomResize', scale=(192, 192), ratio_range=(0.8, 1.25), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(176, 176)),  # (w, h)
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackPanopticInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPanopticSegments'),
    dict(type='Resize', scale=(192, 192), keep_ratio=True),
    dict(type='PackPanopticInputs'),
]
# The first scale is that of test_pipeline: peaks are sought on its map. Shapes are small, so no
# view is smaller.
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='Resize', scale=(int(192 * scale), int(192 * scale)), keep_ratio=True)
                for scale in (1.0, 1.25)
            ],
            [dict(type='RandomFlip', prob=prob) for prob in (0.0, 1.0)],
            [dict(type='PackPanopticInputs')],
        ],
    ),
]

train_dataloader = dict(
    batch_size=4,
    dataset=dict(
        data_root=data_root,
        metainfo=metainfo,
        ann_file='annotations/panoptic_train.json',
        data_prefix=dict(img='train/', seg='annotations/panoptic_train/'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        metainfo=metainfo,
        ann_file='annotations/panoptic_val.json',
        data_prefix=dict(img='val/', seg='annotations/panoptic_val/'),
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
