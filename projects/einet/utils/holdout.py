"""Training images set aside, to choose settings without looking at the validation images."""

import copy

from mmengine.config import Config
from mmengine.fileio import join_path, load


def hold_out(config: Config, every: int) -> None:
    """Leave some training images out of the training, and score on those.

    Args:
        config: Changed in place: its validation and test data are the images left out.
        every: The first of each so many images is left out.

    Raises:
        ValueError: No image would be left to train on, or the training images are not those of one
            annotation file.
    """
    if every < 2:
        raise ValueError(f'holding out every image ({every}) leaves none to train on')
    training = config.train_dataloader.dataset
    if 'ann_file' not in training or training.get('filter_cfg'):
        raise ValueError(
            'images are held out by their place in the annotation file: set '
            'train_dataloader.dataset to a plain data set without filter_cfg'
        )
    images = load(join_path(training.get('data_root', ''), training.ann_file))['images']
    left_out = list(range(0, len(images), every))
    scored = copy.deepcopy(training)
    scored.merge({'indices': left_out, 'test_mode': True})
    training.indices = sorted(set(range(len(images))) - set(left_out))
    for name in ('val_dataloader', 'test_dataloader'):
        pipeline = config[name].dataset.pipeline
        config[name].dataset = copy.deepcopy(scored)
        config[name].dataset.pipeline = pipeline
