"""Checkpoints that meet a data set of other classes, with mmengine's own Runner."""

import pytest
import torch
from mmengine.dataset import BaseDataset
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.model import BaseModel
from mmengine.runner import Runner

from einet.hooks import ClassNamesHook

from .tiny_runner import train_tiny

NAMES = dict(classes=('car', 'dog', 'sky'), thing_classes=('car', 'dog'))
REORDERED = dict(classes=('dog', 'car', 'sky'), thing_classes=('dog', 'car'))
OTHERS = dict(classes=('a', 'b', 'c', 'd', 'e'), thing_classes=('a',))
SPLIT = dict(classes=('car', 'dog', 'sky'), thing_classes=('car',))


class _Numbers(BaseDataset):
    def load_data_list(self):
        return [dict(number=1.0)] * 4


class _PerClass(BaseModel):
    """As many weights as classes; takes what fits where that is allowed, as our detectors do."""

    def __init__(self, classes, allow_other_classes=False):
        super().__init__()
        self.weights = torch.nn.Parameter(torch.ones(classes))
        self.allow_other_classes = allow_other_classes

    def forward(self, number, sample_idx, mode):
        return dict(loss=self.weights.sum().square()) if mode == 'loss' else [0]

    def _load_from_state_dict(self, state_dict, prefix, *args):
        if state_dict[prefix + 'weights'].shape != self.weights.shape:
            del state_dict[prefix + 'weights']
        super()._load_from_state_dict(state_dict, prefix, *args)


class _Score(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results.append(1)

    def compute_metrics(self, results):
        return dict(score=1)


def _loader(metainfo):
    return dict(
        dataset=_Numbers(metainfo=metainfo),
        batch_size=1,
        num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=False),
    )


def _train(folder, metainfo, allowed=False, val=None, **settings):
    if val is not None:
        settings |= dict(
            val_dataloader=_loader(val), val_cfg=dict(), val_evaluator=Evaluator([_Score()])
        )
    return train_tiny(
        _PerClass(len(metainfo['classes']), allowed),
        folder,
        _Numbers(metainfo=metainfo),
        [ClassNamesHook()],
        dict(type='IterBasedTrainLoop', max_iters=4),
        **settings,
    )


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp('named')
    _train(folder, NAMES)
    return str(folder / 'iter_2.pth')


@pytest.mark.parametrize('resume', [True, False])
@pytest.mark.parametrize('other', [REORDERED, OTHERS, SPLIT])
def test_other_classes_are_refused(checkpoint, other, resume, tmp_path):
    _train(tmp_path / 'same', NAMES, load_from=checkpoint, resume=resume)
    with pytest.raises(ValueError, match='checkpoint and train data have different classes') as e:
        _train(tmp_path, other, load_from=checkpoint, resume=resume)
    assert 'allow_other_classes=True' in str(e.value)


def test_both_lists_are_shown_side_by_side(checkpoint, tmp_path):
    with pytest.raises(ValueError) as error:
        _train(tmp_path, REORDERED, load_from=checkpoint)
    rows = [line.split() for line in str(error.value).splitlines()[1:5]]
    assert rows == [
        ['label', 'checkpoint', 'train', 'data'],
        ['0', 'car', 'dog', '<-', 'differs'],
        ['1', 'dog', 'car', '<-', 'differs'],
        ['2', 'sky', '(stuff)', 'sky', '(stuff)'],
    ]


def test_a_transfer_that_is_meant(checkpoint, tmp_path):
    for i, other in enumerate([REORDERED, OTHERS]):
        runner = _train(tmp_path / str(i), other, allowed=True, load_from=checkpoint)
        assert runner.iter == 4
    # The optimizer's state has the sizes of the old classes.
    with pytest.raises(ValueError, match='without resume'):
        _train(tmp_path / 'r', OTHERS, allowed=True, load_from=checkpoint, resume=True)
    resumed = _train(tmp_path / 's', REORDERED, allowed=True, load_from=checkpoint, resume=True)
    assert resumed.iter == 4


def test_a_test_of_other_classes_is_refused(checkpoint, tmp_path):
    def test(metainfo):
        return Runner(
            _PerClass(3),
            str(tmp_path),
            test_dataloader=_loader(metainfo),
            test_cfg=dict(),
            test_evaluator=Evaluator([_Score()]),
            custom_hooks=[ClassNamesHook()],
            load_from=checkpoint,
            experiment_name=f'{tmp_path}{metainfo}',
            default_scope='mmdet',
        ).test()

    assert test(NAMES) == dict(score=1)
    with pytest.raises(ValueError, match='checkpoint and test data have different classes'):
        test(REORDERED)


def test_without_names_there_is_nothing_to_compare(checkpoint, tmp_path):
    bare = str(tmp_path / 'bare.pth')
    torch.save(torch.load(checkpoint, weights_only=False)['state_dict'], bare)
    assert _train(tmp_path / 'work', REORDERED, load_from=bare).iter == 4


def test_training_and_validation_of_different_classes(tmp_path):
    _train(tmp_path / 'same', NAMES, val=NAMES)
    with pytest.raises(ValueError, match='train data and val data have different classes'):
        _train(tmp_path, NAMES, val=REORDERED)


def test_a_checkpoint_that_is_loaded_before_there_is_data(checkpoint, tmp_path):
    runner = Runner(_PerClass(3), str(tmp_path), experiment_name='alone')
    runner.register_hook(ClassNamesHook())
    runner.load_checkpoint(checkpoint)
