# Microscopy nuclei (Data Science Bowl 2018) in COCO's panoptic format, sides of 240 to 320 px.
# Twice that size, as a nucleus of 15 px has few cells at stride 4.
_base_ = './panoptic_loaders.py'
data_root = 'data/nuclei/'
metainfo = dict(
    thing_classes=('nucleus',),
    stuff_classes=('background',),
    palette=[(250, 170, 30), (70, 70, 110)],
)

# What a model has to know of the data, see docs/configs.md.
model_settings = dict(
    num_things_classes=1,
    num_stuff_classes=1,
    # Training batches are padded to (h, w): the crop, up to a multiple of 16.
    data_preprocessor=dict(batch_augments=[dict(type='BatchFixedSizePad', size=(192, 192))]),
    targets=dict(small_instance_weight=1.0),  # all objects are small here
    criterion=dict(losses=dict(semantic=dict(top_fraction=1.0))),
    fusion=dict(stuff_area=0),
)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPanopticSegments'),
    dict(type='RandomResize', scale=(640, 640), ratio_range=(0.8, 1.25), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(192, 192)),  # (w, h)
    dict(type='RandomFlip', prob=0.5, direction=['horizontal', 'vertical']),
    dict(type='PackPanopticInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPanopticSegments'),
    dict(type='Resize', scale=(640, 640), keep_ratio=True),
    dict(type='PackPanopticInputs'),
]
# The first scale is that of test_pipeline: peaks are sought on its map. Nuclei are small, so no
# view is smaller.
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='Resize', scale=(int(640 * scale), int(640 * scale)), keep_ratio=True)
                for scale in (1.0, 1.25)
            ],
            [
                dict(type='RandomFlip', prob=0.0),
                dict(type='RandomFlip', prob=1.0, direction='horizontal'),
                dict(type='RandomFlip', prob=1.0, direction='vertical'),
                dict(type='RandomFlip', prob=1.0, direction='diagonal'),
            ],
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
test_evaluator = dict(max_dets=400)  # images have up to 333 nuclei; COCO counts 100
