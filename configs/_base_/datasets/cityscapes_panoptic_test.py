# Cityscapes panoptic, tested on the test split: images without annotations, results written for
# the evaluation server. The list comes from tools/dataset_converters/cityscapes.py --splits test.
_base_ = './cityscapes_panoptic.py'

test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='PackPanopticInputs'),
]
test_dataloader = dict(
    dataset=dict(
        ann_file='gtFine/cityscapes_panoptic_test.json',
        data_prefix=dict(img='leftImg8bit/test/', seg=''),
        pipeline=test_pipeline,
    )
)
test_evaluator = dict(format_only=True, outfile_prefix='work_dirs/cityscapes_test/results')
