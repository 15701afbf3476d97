"""The data part of every config, on images: sizes, types, and what the metric needs."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet.registry import DATASETS
from mmengine.config import Config
from mmengine.runner import Runner

from einet.datasets.conversion.shapes import ShapesParameters, write_shapes
from einet.datasets.conversion.shapes_classes import COLORED_THINGS, STUFF, THINGS, categories
from einet.models.preprocessor import PanopticDataPreprocessor

from ..paths import CONFIGS


@pytest.fixture(scope='session')
def generated_root(tmp_path_factory) -> Path:
    """A few synthetic images."""
    root = tmp_path_factory.mktemp('data') / 'shapes'
    write_shapes(root, ShapesParameters(train=4, val=2))
    return root


def load(name: str, root: Path) -> Config:
    path = CONFIGS / '_base_' / 'datasets' / f'{name}_panoptic.py'
    if name == 'coco-1025':
        path = path.with_name('coco_panoptic-1025.py')
    config = Config.fromfile(path)
    for loader in (config.train_dataloader, config.val_dataloader, config.test_dataloader):
        loader.dataset.data_root = str(root)
        loader.update(num_workers=0, persistent_workers=False)
    return config


SETS = pytest.mark.parametrize(
    ('name', 'fixture'),
    [
        ('shapes', 'generated_root'),
        ('nuclei', 'nuclei_root'),
        ('coco-sample', 'coco_sample_root'),
        ('coco', 'coco_sample_root'),
        ('coco-1025', 'coco_sample_root'),
    ],
)


@SETS
def test_training_batch(name, fixture, request):
    config = load(name, request.getfixturevalue(fixture))
    loader = Runner.build_dataloader(config.train_dataloader, seed=0)
    num_classes = len(loader.dataset.metainfo['classes'])
    options = config.model_settings.data_preprocessor
    size = options.batch_augments[0].size
    preprocessor = PanopticDataPreprocessor(pad_size_divisor=16, void_label=num_classes, **options)
    batch = preprocessor(next(iter(loader)), training=True)
    assert batch['inputs'].shape == (config.train_dataloader.batch_size, 3, *size)
    instances = 0
    for sample in batch['data_samples']:
        semantic, panoptic = sample.gt_sem_seg.sem_seg, sample.gt_panoptic_seg.sem_seg
        assert semantic.shape == panoptic.shape == (1, *size)
        assert torch.equal(semantic == 255, panoptic == num_classes)
        assert panoptic.max() // 1000 == len(sample.gt_instances)
        instances += len(sample.gt_instances)
    assert instances > 0
    if name.startswith('coco') and name != 'coco-sample':
        assert size == ((1040, 1040) if name == 'coco-1025' else (800, 800))


@SETS
def test_validation_sample(name, fixture, request):
    config = load(name, request.getfixturevalue(fixture))
    dataset = DATASETS.build(config.val_dataloader.dataset)
    assert len(dataset.category_ids) == len(dataset.metainfo['classes'])
    packed = dataset[1]
    sample = packed['data_samples']
    assert {'img_id', 'img_path', 'seg_map_path', 'segments_info'} <= sample.metainfo.keys()
    if name == 'coco':
        assert max(sample.img_shape) == 800
    if name == 'coco-1025':
        assert max(sample.img_shape) == 1025
    assert packed['inputs'].shape[1:] == sample.gt_panoptic_seg.shape == sample.img_shape


@pytest.mark.parametrize(
    ('name', 'things'), [('shapes', THINGS), ('shapes-colored', COLORED_THINGS)]
)
def test_shapes_config_has_the_generators_classes(name, things, generated_root):
    for loader in ('train', 'val', 'test'):
        settings = load(name, generated_root)[f'{loader}_dataloader'].dataset
        meta = DATASETS.build({**settings, 'lazy_init': True}).metainfo
        made = categories(colored=name == 'shapes-colored')
        assert (meta['thing_classes'], meta['stuff_classes']) == (things, STUFF)
        assert [list(color) for color in meta['palette']] == [c['color'] for c in made]
        assert [c['name'] for c in made] == list(meta['classes'])


PAPER = ('coco_panoptic', 'coco_panoptic-1025', 'cityscapes_panoptic', 'vistas_panoptic')


@pytest.mark.parametrize('name', [*PAPER, 'ade20k_panoptic'])
def test_papers_augmentation(name):
    """Random scale, crop, flip, blur and CLAHE; the last two for some images."""
    config = Config.fromfile(CONFIGS / '_base_' / 'datasets' / f'{name}.py')
    steps = config.train_dataloader.dataset.pipeline
    types = [step.type for step in steps]
    applied = [(s.transforms[0].type, s.prob) for s in steps if s.type == 'RandomApply']
    assert applied == [('GaussianBlur', 0.1), ('mmseg.CLAHE', 0.1)]
    order = ['RandomResize', 'RandomCrop', 'RandomApply', 'RandomFlip', 'PackPanopticInputs']
    positions = [types.index(step) for step in order]
    assert positions == sorted(positions)


def test_blur_and_clahe_leave_the_map_alone(coco_sample_root):
    config = load('coco', coco_sample_root)
    samples = []
    for prob in (0.0, 1.0):
        dataset = dict(config.train_dataloader.dataset)
        dataset['pipeline'] = [
            step | dict(prob=prob) if step['type'] == 'RandomApply' else dict(step)
            for step in dataset['pipeline']
        ]
        dataset = DATASETS.build(dataset)
        np.random.seed(4)
        # The first random numbers, scale and crop, come before those of blur and CLAHE.
        dataset.pipeline.transforms = [
            t for t in dataset.pipeline.transforms if type(t).__name__ != 'RandomFlip'
        ]
        samples.append(dataset[0])
    plain, changed = samples
    assert not torch.equal(plain['inputs'], changed['inputs'])
    for key in ('gt_sem_seg', 'gt_panoptic_seg'):
        maps = [getattr(sample['data_samples'], key).sem_seg for sample in samples]
        assert torch.equal(*maps)


BASES = sorted((CONFIGS / '_base_' / 'datasets').glob('*_panoptic*.py'))


@pytest.mark.parametrize('path', BASES, ids=lambda path: path.stem)
def test_training_batches_have_the_crops_size(path):
    """Whatever the images' sizes: the crop's sides, up to a multiple of the stride of 16."""
    config = Config.fromfile(path)
    (crop,) = (step for step in config.train_pipeline if step.type == 'RandomCrop')
    (padding,) = config.model_settings.data_preprocessor.batch_augments
    width, height = (-(-side // 16) * 16 for side in crop.crop_size)
    assert padding == dict(type='BatchFixedSizePad', size=(height, width))
