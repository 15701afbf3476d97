# COCO 2017 panoptic: longest side 800, random scale, crop 800 x 800. See docs/data.md.
_base_ = './panoptic_loaders.py'
dataset_type = 'Coco2017PanopticDataset'
data_root = 'data/coco/'

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPanopticSegments'),
    dict(type='RandomResize', scale=(800, 800), ratio_range=(0.5, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(800, 800)),  # (w, h)
    # The paper blurs and equalizes (CLAHE) some images; how many and how much it does not say.
    dict(type='RandomApply', prob=0.1, transforms=[dict(type='GaussianBlur')]),
    dict(type='RandomApply', prob=0.1, transforms=[dict(type='mmseg.CLAHE', clip_limit=2.0)]),
    dict(type='RandomFlip', prob=0.5),
    # The mean color in BGR, so that the border becomes 0; in the map 0 is void.
    dict(type='Pad', size=(800, 800), pad_val=dict(img=(103.53, 116.28, 123.675), seg=0)),
    dict(type='PackPanopticInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPanopticSegments'),
    dict(type='Resize', scale=(800, 800), keep_ratio=True),
    dict(type='PackPanopticInputs'),
]
# The first scale is that of test_pipeline: peaks are sought on its map.
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='Resize', scale=(int(800 * scale), int(800 * scale)), keep_ratio=True)
                for scale in (1.0, 0.5, 0.75, 1.25, 1.5)
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
val_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='annotations/panoptic_val2017.json',
        data_prefix=dict(img='val2017/', seg='annotations/panoptic_val2017/'),
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
