# Mapillary Vistas v1.2 panoptic: longest side 2177, random scale, crop 1025 x 1025, as
# Panoptic-DeepLab has it; the paper does not say. The list comes from
# tools/dataset_converters/vistas.py, see docs/data.md.
_base_ = './panoptic_loaders.py'
dataset_type = 'VistasPanopticDataset'
data_root = 'data/vistas/'

# What a model has to know of the data, see docs/configs.md.
model_settings = dict(
    num_things_classes=37,
    num_stuff_classes=28,
    # Training batches are padded to (h, w): the crop, up to a multiple of 16.
    data_preprocessor=dict(batch_augments=[dict(type='BatchFixedSizePad', size=(1040, 1040))]),
    criterion=dict(losses=dict(semantic=dict(top_fraction=0.2))),
    fusion=dict(stuff_area=2048),
)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPanopticSegments'),
    dict(type='RandomResize', scale=(2177, 2177), ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(1025, 1025)),  # (w, h)
    *_base_.blur_and_clahe,
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackPanopticInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPanopticSegments'),
    dict(type='Resize', scale=(2177, 2177), keep_ratio=True),
    dict(type='PackPanopticInputs'),
]
# The first scale is that of test_pipeline: peaks are sought on its map.
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='Resize', scale=(int(2177 * scale), int(2177 * scale)), keep_ratio=True)
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
        ann_file='vistas_panoptic_train.json',
        data_prefix=dict(img='training/images/', seg='training/'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='vistas_panoptic_val.json',
        data_prefix=dict(img='validation/images/', seg='validation/'),
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
