# COCO 2017 panoptic, tested on test-dev at 1025 pixels: images without annotations, results written
# for the evaluation server. ann_file is COCO's own list of images.
_base_ = './coco_panoptic-1025.py'

test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(1025, 1025), keep_ratio=True),
    dict(type='PackPanopticInputs'),
]
test_dataloader = dict(
    dataset=dict(
        ann_file='annotations/image_info_test-dev2017.json',
        data_prefix=dict(img='test2017/', seg=''),
        pipeline=test_pipeline,
    )
)
test_evaluator = dict(
    metric='PQ', format_only=True, outfile_prefix='work_dirs/coco_test-dev/results'
)
