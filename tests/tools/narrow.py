"""A narrow, untrained model and a tiny data set on disk, for the tools that read checkpoints."""

import json
from pathlib import Path

import torch
from mmdet.registry import DATASETS, MODELS
from mmengine.config import Config

from tests.paths import CONFIGS

from .load import load_tool

NARROW = """
_base_ = ['{base}']
model = dict(
    backbone=dict(base_channels=8, stem_channels=8),
    semantic_decoder=dict(in_channels=(8, 16, 64)),
    instance_decoder=dict(in_channels=(8, 16, 64)),
    fusion=dict(peak_threshold=0.0, top_k=5),
)
"""


def narrow_model(folder: Path, base: str) -> list[str]:
    """Config file, checkpoint and data root, with 1 training image and 4 to score."""
    shapes = load_tool('dataset_converters/shapes.py')
    sizes = ['--train', '1', '--val', '4', '--size', '64', '--workers', '1']
    shapes.main([str(folder / 'set'), *sizes])
    config_file = folder / 'narrow.py'
    config_file.write_text(NARROW.format(base=CONFIGS / base))
    config = Config.fromfile(config_file)
    config.val_dataloader.dataset.data_root = str(folder / 'set')
    meta = DATASETS.build(config.val_dataloader.dataset).metainfo
    torch.manual_seed(0)
    checkpoint = dict(
        state_dict=MODELS.build(config.model).state_dict(), meta=dict(dataset_meta=meta)
    )
    torch.save(checkpoint, folder / 'some.pth')
    return [str(config_file), str(folder / 'some.pth'), str(folder / 'set')]


def bare_annotations(config: str, data_root: str, folder: Path) -> str:
    """A copy of the validation data's annotation file that has images alone."""
    file = Path(data_root) / Config.fromfile(config).val_dataloader.dataset.ann_file
    content = json.loads(file.read_text())
    del content['annotations']
    (folder / 'bare.json').write_text(json.dumps(content))
    return str(folder / 'bare.json')
