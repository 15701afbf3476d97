"""A small config to draw with, and its weights."""

from mmcv.transforms import LoadImageFromFile
from mmengine.config import Config

from einet.datasets import PackPanopticInputs, PanopticDataset
from tests.models.tiny import tiny_model


def demo_config(lazy: bool = False) -> Config:
    """A narrow EINet for two things and a stuff, as text or with classes for types."""
    loader, pack = dict(type='LoadImageFromFile'), dict(type='PackPanopticInputs')
    dataset = 'PanopticDataset'
    if lazy:
        loader['type'], pack['type'], dataset = (
            LoadImageFromFile,
            PackPanopticInputs,
            PanopticDataset,
        )
    return Config(
        dict(
            model=tiny_model(),
            test_dataloader=dict(
                dataset=dict(
                    type=dataset,
                    ann_file='not_read.json',
                    metainfo=dict(thing_classes=('car', 'dog'), stuff_classes=('sky',)),
                    pipeline=[loader, dict(type='Resize', scale=(64, 64), keep_ratio=True), pack],
                    test_mode=True,
                )
            ),
            visualizer=dict(type='PanopticLocalVisualizer', name=f'demo_{lazy}'),
        )
    )
