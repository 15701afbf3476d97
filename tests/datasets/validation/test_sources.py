import copy

import pytest
from mmengine.config import Config

from einet.datasets.validation.sources import (
    compare_model,
    compare_sources,
    find_sources,
    plain_datasets,
    resize_steps,
)


def find(small, splits=None):
    return find_sources(Config(copy.deepcopy(small.settings)), splits)


def test_equal_sources_are_checked_once(small):
    train, val = find(small)
    assert (train.name, val.name) == ('train', 'val, test')
    assert train.dataset.ann_file == str(small.root / 'train.json')
    assert (train.things, train.stuff) == (('man', 'car'), ('tree', 'sky'))
    assert [source.name for source in find(small, ['test'])] == ['test']


def test_training_decides_whether_annotations_are_needed(small):
    train = small.settings['train_dataloader']
    for order in ('val_dataloader', 'train_dataloader'), ('train_dataloader', 'val_dataloader'):
        for name, test_mode in zip(order, (True, False), strict=True):
            small.settings[name] = copy.deepcopy(train)
            small.settings[name]['dataset']['test_mode'] = test_mode
        (source,) = find(small, ['train', 'val'])
        assert source.name == 'train, val'
        assert source.dataset.test_mode is False


def test_data_sets_inside_wrappers(small):
    train = small.settings['train_dataloader']
    one, other = train['dataset'], copy.deepcopy(small.settings['val_dataloader']['dataset'])
    train['dataset'] = dict(
        type='ConcatDataset',
        datasets=[dict(type='RepeatDataset', times=2, dataset=one), other],
    )
    assert list(plain_datasets(train['dataset'])) == [one, other]
    assert [source.name for source in find(small)] == ['train', 'train, val, test']


def test_wrong_palette(small):
    small.settings['train_dataloader']['dataset']['metainfo']['palette'] = [(1, 2, 3)]
    train, val = find(small)
    (finding,) = train.findings
    assert finding.kind == 'class-list'
    assert 'palette has 1 colors for 4 classes' in finding.message
    assert train.things == ('man', 'car')
    assert val.findings == tuple(compare_sources([train, val])) == ()


def test_class_lists_that_cannot_be_used(small):
    small.settings['train_dataloader']['dataset']['metainfo'] = dict(thing_classes=())
    train = find(small)[0]
    assert not train.classes_known
    assert (train.things, train.stuff) == ((), ())
    assert 'lacks stuff_classes' in train.findings[0].message


def test_classes_of_the_splits(small):
    metainfo = small.settings['train_dataloader']['dataset']['metainfo']
    metainfo['stuff_classes'] = ('tree', 'heaven')
    (finding,) = compare_sources(find(small))
    assert finding.kind == 'splits-differ'
    assert finding.message == "val, test and train: only one has ['heaven', 'sky']"


@pytest.mark.parametrize(
    ('model', 'messages'),
    [
        (dict(num_things_classes=2, num_stuff_classes=2), []),
        (
            dict(num_things_classes=3, num_stuff_classes=1),
            [
                'model.num_things_classes is 3, but the data set has 2 thing classes',
                'model.num_stuff_classes is 1, but the data set has 2 stuff classes',
            ],
        ),
        ({}, []),
    ],
)
def test_class_counts_of_the_model(small, model, messages):
    found = [finding.message for finding in compare_model(model, find(small))]
    assert found == messages


def test_other_wrong_settings(small):
    small.settings['train_dataloader']['dataset']['filter_cfg'] = dict(minsize=3)
    with pytest.raises(ValueError, match=r"train_dataloader: filter_cfg has \['minsize'\]"):
        find(small)


def test_no_dataloader(small):
    with pytest.raises(ValueError, match='no dataloader for train, val, test; it has: none'):
        find_sources(Config(dict(model={})))


def test_the_resize_of_testing(small):
    assert resize_steps(Config(small.settings)) is None
    pipeline = small.settings['test_dataloader']['dataset']['pipeline']
    pipeline.insert(2, dict(type='mmdet.Resize', scale=(80, 96)))
    assert len(resize_steps(Config(small.settings)).transforms) == 1
    assert resize_steps(Config(dict(model={}))) is None
