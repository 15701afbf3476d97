# ADE20K panoptic: shorter side 640, random scale, crop 640 x 640, as Mask2Former has it.
# Annotations come from tools/dataset_converters/ade20k.py, see docs/data.md.
_base_ = './panoptic_loaders.py'
dataset_type = 'ADE20K150PanopticDataset'
data_root = 'data/ADEChallengeData2016/'

# What a model has to know of the data, see docs/configs.md.
model_settings = dict(
    num_things_classes=100,
    num_stuff_classes=50,
    # Training batches are padded to (h, w): the crop, up to a multiple of 16.
    data_preprocessor=dict(batch_augments=[dict(type='BatchFixedSizePad', size=(640, 640))]),
    criterion=dict(losses=dict(semantic=dict(top_fraction=1.0))),
    fusion=dict(stuff_area=4096),
)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPanopticSegments'),
    dict(type='RandomResize', scale=(2560, 640), ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(640, 640)),  # (w, h)
    *_base_.blur_and_clahe,
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackPanopticInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPanopticSegments'),
    dict(type='Resize', scale=(2560, 640), keep_ratio=True),
    dict(type='PackPanopticInputs'),
]
# The first scale is that of test_pipeline: peaks are sought on its map.
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='Resize', scale=(int(2560 * scale), int(640 * scale)), keep_ratio=True)
                for scale in (1.0, 0.5, 0.75, 1.25, 1.5)
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
        ann_file='ade20k_panoptic_train.json',
        data_prefix=dict(img='images/training/', seg='ade20k_panoptic_train/'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='ade20k_panoptic_val.json',
        data_prefix=dict(img='images/validation/', seg='ade20k_panoptic_val/'),
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
