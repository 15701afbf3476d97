# The shapes of shapes_panoptic.py in four colors, each a class of its own, of which some are rare:
# tools/dataset_converters/shapes.py data/shapes-colored --colored --seed 3.
_base_ = './shapes_panoptic.py'
data_root = 'data/shapes-colored/'
metainfo = dict(
    thing_classes=tuple(
        f'{color} {shape}'
        for shape in ('disc', 'square', 'triangle', 'star')
        for color in ('red', 'yellow', 'green', 'blue')
    ),
    palette=[
        (250, 74, 54),
        (217, 250, 54),
        (54, 250, 185),
        (87, 54, 250),
        (205, 60, 44),
        (178, 205, 44),
        (44, 205, 151),
        (71, 44, 205),
        (160, 47, 35),
        (139, 160, 35),
        (35, 160, 118),
        (55, 35, 160),
        (115, 34, 25),
        (100, 115, 25),
        (25, 115, 85),
        (40, 25, 115),
        (150, 190, 235),
        (80, 150, 60),
        (30, 95, 130),
    ],
)
model_settings = dict(num_things_classes=16)
train_dataloader = dict(dataset=dict(data_root=data_root, metainfo=metainfo))
val_dataloader = dict(dataset=dict(data_root=data_root, metainfo=metainfo))
test_dataloader = val_dataloader
