import json

import pytest
from mmengine.config import Config

from einet.utils import hold_out
from tests.paths import CONFIGS


@pytest.fixture
def config(tmp_path):
    """The shapes' config, for 7 training images."""
    (tmp_path / 'annotations').mkdir()
    content = {'images': [{'id': number} for number in range(7)]}
    (tmp_path / 'annotations/panoptic_train.json').write_text(json.dumps(content))
    config = Config.fromfile(CONFIGS / 'einet_tiny_shapes.py')
    for split in ('train', 'val', 'test'):
        config[f'{split}_dataloader'].dataset.data_root = str(tmp_path)
    return config


@pytest.mark.parametrize(
    ('every', 'left_out', 'kept'), [(3, [0, 3, 6], [1, 2, 4, 5]), (7, [0], [1, 2, 3, 4, 5, 6])]
)
def test_images_left_out_are_scored(config, every, left_out, kept):
    resize = config.test_dataloader.dataset.pipeline
    hold_out(config, every)
    assert config.train_dataloader.dataset.indices == kept
    assert 'test_mode' not in config.train_dataloader.dataset
    for split in ('val', 'test'):
        dataset = config[f'{split}_dataloader'].dataset
        assert dataset.indices == left_out
        assert dataset.ann_file == 'annotations/panoptic_train.json'
        assert dataset.data_prefix.img == 'train/'
        assert dataset.test_mode
        assert dataset.pipeline == resize


def test_no_image_left(config):
    with pytest.raises(ValueError, match='leaves none to train on'):
        hold_out(config, 1)


@pytest.mark.parametrize('wrapped', [True, False])
def test_images_that_are_not_those_of_one_file(config, wrapped):
    dataset = config.train_dataloader.dataset
    if wrapped:
        config.train_dataloader.dataset = dict(type='RepeatDataset', times=2, dataset=dataset)
    else:
        dataset.filter_cfg = dict(filter_empty_gt=True)
    with pytest.raises(ValueError, match='a plain data set without filter_cfg'):
        hold_out(config, 3)
