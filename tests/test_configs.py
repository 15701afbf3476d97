"""Every public config: short, parses, fits its data set, trains and predicts one step."""

from __future__ import annotations

import re
from copy import deepcopy
from functools import cache
from pathlib import Path

import pytest
import torch
import yaml
from mmdet.registry import DATASETS, HOOKS, METRICS, MODELS, PARAM_SCHEDULERS
from mmengine.config import Config

from einet.datasets.validation.sources import plain_datasets

from .models.samples import make_sample
from .paths import CONFIGS

EVERY = sorted(CONFIGS.rglob('*.py'))
PUBLIC = [path for path in EVERY if '_base_' not in path.parts]
ABLATIONS = CONFIGS / 'ablation'
SIZE = (32, 48)

_read = cache(Config.fromfile)
# Models that have trained and predicted a step: some configs differ in their data or schedule only.
_ran = []


def _load(path):
    config = deepcopy(_read(path))
    config.model.backbone.init_cfg = None  # no download
    return config


@pytest.fixture(params=PUBLIC, ids=lambda path: path.stem)
def path(request):
    return request.param


def test_is_short_and_inherits_only_bases(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 40
    assert text.startswith('# ')
    bases = re.findall(r"'(\.[^']*\.py)'", text)
    assert bases
    for base in bases:
        # An ablation says what differs from a public config of the same data set.
        own_data_set = path.stem.rsplit('_', 1)[-1] == Path(base).stem.rsplit('_', 1)[-1]
        assert '/_base_/' in base or (path.parent == ABLATIONS and own_data_set)


def test_what_a_data_set_asks_for_stands_in_its_base(path):
    text = path.read_text()
    for setting in ('num_things_classes', 'num_stuff_classes', 'top_fraction', 'stuff_area'):
        assert setting not in text
    # Used up: a variable that is left could be set on the command line, without effect.
    assert not {'model_settings', 'trunk'} & set(_load(path))


def test_keeps_what_its_data_set_asks_for(path):
    bases = re.findall(r"'(\.[^']*/_base_/datasets/[^']*\.py)'", path.read_text())
    for base in bases:
        _assert_contains(_read(path).model, _read(path.parent / base).model_settings)
    assert bases or path.parent == ABLATIONS


def _assert_contains(whole, part, name='model'):
    for key, value in part.items():
        if isinstance(value, dict):
            _assert_contains(whole[key], value, f'{name}.{key}')
        else:
            assert whole.get(key) == value, f'{name}.{key}'


def test_starts_from_published_weights_unless_it_says_otherwise(path):
    init_cfg = _read(path).model.backbone.init_cfg
    if any(word in path.stem for word in ('r18', 'tiny', 'vistas-cityscapes')):
        assert init_cfg is None
    else:
        assert init_cfg.type == 'Pretrained'
        assert re.fullmatch(r'https://\S+/\w+-[0-9a-f]{8}\.pth', init_cfg.checkpoint)


def test_no_weights_need_a_package_that_the_set_up_leaves_out():
    # mmengine imports torchvision to find out what such an address means.
    assert EVERY
    assert [path for path in EVERY if 'torchvision://' in path.read_text()] == []


def test_data_sets_agree_with_the_model(path):
    config = _load(path)
    for loader in (config.train_dataloader, config.val_dataloader, config.test_dataloader):
        dataset = DATASETS.build(dict(loader.dataset, lazy_init=True))
        assert len(dataset.metainfo['thing_classes']) == config.model.num_things_classes
        assert len(dataset.metainfo['stuff_classes']) == config.model.num_stuff_classes
    METRICS.build(config.val_evaluator)
    hooks = [hook.type for hook in config.get('custom_hooks', [])]
    for hook in hooks:
        HOOKS.build(dict(type=hook))
    # Without its hook, Q would never be committed; without Q, the hook refuses to start.
    assert ('SemanticCentersHook' in hooks) == ('interaction' in config.model)


def test_schedule_lasts_as_long_as_the_training(path):
    config = _load(path)
    iterations = config.train_cfg.max_iters
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    for cfg in config.param_scheduler:
        scheduler = PARAM_SCHEDULERS.build(
            dict(dict(end=iterations), **cfg), default_args=dict(optimizer=optimizer)
        )
        if cfg.type == 'CosineWarmRestartsLR':
            literal = 't0-iterations' in path.stem
            assert (sum(scheduler.periods) == iterations) != literal
            assert sum(scheduler.periods) >= iterations
        elif cfg.type == 'CosineAnnealingLR':
            assert cfg.begin + scheduler.T_max >= iterations


def test_first_view_of_tta_is_the_test_s(path):
    config = _load(path)
    if not config.get('tta_model'):
        pytest.skip('no test-time augmentation')
    (augmentation,) = [s for s in config.tta_pipeline if s['type'] == 'TestTimeAug']
    (dataset,) = plain_datasets(config.test_dataloader.dataset)
    resize = [s for s in dataset.pipeline if s['type'] == 'Resize']
    first = augmentation.transforms[0][0]
    assert [first] == resize if resize else first.scale_factor == 1


def test_its_learning_rate_is_for_the_batch_that_it_makes(path):
    config = _load(path)
    ranks = 1 if re.search('tiny|r18|1x24g', path.stem) else 8
    batches = config.optim_wrapper.get('accumulative_counts', 1)
    images = ranks * config.train_dataloader.batch_size * batches
    assert config.auto_scale_lr.base_batch_size == images


def test_trains_and_predicts_one_step(path):
    config = _load(path)
    if config.model in _ran:
        return
    things, stuff = config.model.num_things_classes, config.model.num_stuff_classes
    model = MODELS.build(config.model)
    boxes = [(things - 1, 4, 4, 20, 15), (0, 25, 2, 45, 30)]
    samples = [
        make_sample(SIZE, objects, stuff=things, num_classes=things + stuff)
        for objects in (boxes, [])
    ]
    inputs = torch.randn(2, 3, *SIZE)
    model.train()
    sum(model.loss(inputs, samples).values()).backward()
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)
    if 'interaction' in config.model:
        model.interaction.centers.commit()
    model.eval()
    with torch.no_grad():
        predicted = model.predict(inputs, samples)
    assert predicted[0].pred_panoptic_seg.sem_seg.shape == (1, *SIZE)
    _ran.append(config.model)


@pytest.mark.parametrize('name', ['tiny_shapes', 'r18_nuclei', 'r18_coco-sample'])
def test_small_presets_of_both_methods_differ_in_the_method_only(name):
    ours = _load(CONFIGS / f'einet_{name}.py')
    peer = _load(CONFIGS / 'panoptic_deeplab' / f'panoptic-deeplab_{name}.py')
    own = {'model', 'tta_model', 'custom_hooks'}
    assert {k: v for k, v in ours.items() if k not in own} == {
        k: v for k, v in peer.items() if k not in own
    }
    _assert_equal_networks(ours.model, peer.model)


@pytest.mark.parametrize(
    'name', ['einet_r18_nuclei', 'panoptic_deeplab/panoptic-deeplab_r18_nuclei']
)
def test_small_presets_normalize_one_image_at_a_time(name):
    model = MODELS.build(_load(CONFIGS / f'{name}.py').model).train()
    images = torch.randn(2, 3, *SIZE) + torch.tensor([0.0, 3.0])[:, None, None, None]
    together, alone = model(images, mode='tensor'), model(images[1:], mode='tensor')
    for ours, theirs in zip(together, alone, strict=True):
        torch.testing.assert_close(ours[1:], theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('name', ['r50_coco', 'r50_cityscapes', 'x71_coco', 'x71_cityscapes'])
def test_paper_presets_of_both_methods_share_encoder_and_decoders(name):
    ours = _load(CONFIGS / f'einet_{name}.py')
    peer = _load(CONFIGS / 'panoptic_deeplab' / f'panoptic-deeplab_{name}.py')
    for config in (ours, peer):
        # The published crops differ, and with them the size that batches are padded to.
        del config.model.data_preprocessor['batch_augments']
    _assert_equal_networks(ours.model, peer.model)


@pytest.mark.parametrize('name', ['tiny_shapes', 'r18_nuclei', 'r18_coco-sample'])
def test_every_repair_changes_the_small_presets(name):
    variants = _read(CONFIGS / '_base_' / 'variants' / 'repairs.py').variants
    assert {'none', 'before', 'printed'} < set(variants)
    as_it_is = 'nearest' if name == 'r18_coco-sample' else 'present'
    models = [_load(CONFIGS / f'einet_{name}.py').model]
    for variant in variants.keys() - {as_it_is}:
        config = _load(CONFIGS / f'einet_{name}.py')
        config.merge_from_dict(dict(variants[variant]))
        # Refuses an option that does not exist.
        MODELS.build(config.model)
        assert config.model not in models
        models.append(config.model)


def _assert_equal_networks(one, other):
    for part in ('data_preprocessor', 'backbone', 'semantic_decoder', 'instance_decoder'):
        assert one[part] == other[part]


def test_overview_names_every_config(path):
    name = path.relative_to(CONFIGS).as_posix()
    if name.endswith('_tiny_shapes.py') and path.parent == ABLATIONS:
        name = 'ablation/table3_*_tiny_shapes.py'
    assert name in (CONFIGS / 'README.md').read_text()


def test_overview_names_only_configs_that_exist():
    links = re.findall(r'\]\(([^)]*\.py)\)', (CONFIGS / 'README.md').read_text())
    assert len(links) > 30
    assert [link for link in links if not (CONFIGS / link).exists()] == []


def test_model_index():
    index = yaml.safe_load((CONFIGS.parent / 'model-index.yml').read_text())
    assert index == {'Import': ['configs/metafile.yml']}
    content = yaml.safe_load((CONFIGS / 'metafile.yml').read_text())
    collections = {collection['Name'] for collection in content['Collections']}
    models = content['Models']
    assert {model['In Collection'] for model in models} <= collections
    listed = [CONFIGS.parent / model['Config'] for model in models]
    assert sorted(listed) == [path for path in PUBLIC if path.parent != ABLATIONS]
    assert all(model['Name'] == Path(model['Config']).stem for model in models)
    for model in models:
        config = _read(CONFIGS.parent / model['Config'])
        assert model['Metadata']['Iterations'] == config.train_cfg.max_iters
    code = [collection['Code']['URL'] for collection in content['Collections']]
    assert all((CONFIGS.parent / file).is_file() for file in code)
