import pytest
from mmengine.config import Config
from mmengine.dataset import InfiniteSampler
from mmengine.runner import EpochBasedTrainLoop

from einet.utils import check_testing, check_training
from tests.paths import CONFIGS

PRESETS = sorted(p for p in CONFIGS.rglob('*.py') if '_base_' not in p.parts)


def _config(**options) -> Config:
    config = Config.fromfile(CONFIGS / 'einet_tiny_shapes.py')
    config.merge_from_dict(options)
    return config


@pytest.mark.parametrize('path', PRESETS, ids=lambda path: path.stem)
def test_the_presets_are_consistent(path):
    config = Config.fromfile(path)
    assert check_training(config) == []
    check_testing(config)


@pytest.mark.parametrize('split', ['train', 'val', 'test'])
def test_no_workers_that_persist(split):
    check = check_testing if split == 'test' else check_training
    options = {f'{split}_dataloader.num_workers': 0, f'{split}_dataloader.prefetch_factor': 4}
    key = f'{split}_dataloader'
    with pytest.raises(
        ValueError,
        match=rf'(?s)add {key}\.persistent_workers=False.*add {key}\.prefetch_factor=None',
    ):
        check(_config(**options))
    options |= {f'{key}.persistent_workers': False, f'{key}.prefetch_factor': None}
    check(_config(**options))


LOOPS = [
    dict(type='EpochBasedTrainLoop'),
    dict(type=EpochBasedTrainLoop),
    dict(by_epoch=True),
    dict(),
]
SAMPLERS = ['ResumableSampler', 'InfiniteSampler', 'mmengine.InfiniteSampler', InfiniteSampler]


@pytest.mark.parametrize('loop', LOOPS)
@pytest.mark.parametrize('sampler', SAMPLERS)
def test_a_loop_by_epoch_over_an_endless_sampler(loop, sampler):
    config = _config()
    config.train_cfg = dict(**loop, max_epochs=3)
    config.train_dataloader.sampler.type = sampler
    with pytest.raises(
        ValueError,
        match=r'EpochBasedTrainLoop never ends.*train_dataloader\.sampler\.type=DefaultSampler',
    ):
        check_training(config)
    config.train_dataloader.sampler.type = 'DefaultSampler'
    assert check_training(config) == []


def test_an_evaluation_over_an_endless_sampler():
    with pytest.raises(ValueError, match=r'evaluation never ends.*val_dataloader\.sampler'):
        check_training(_config(**{'val_dataloader.sampler.type': 'InfiniteSampler'}))
    with pytest.raises(ValueError, match=r'evaluation never ends.*test_dataloader\.sampler'):
        check_testing(_config(**{'test_dataloader.sampler.type': 'InfiniteSampler'}))


def test_a_loop_with_the_length_of_the_other():
    options = {
        'train_cfg.type': 'EpochBasedTrainLoop',
        'train_dataloader.sampler.type': 'DefaultSampler',
    }
    with pytest.raises(ValueError, match=r'takes train_cfg\.max_epochs, not max_iters'):
        check_training(_config(**options))
    config = _config()
    config.train_cfg = dict(type='IterBasedTrainLoop')
    with pytest.raises(ValueError, match=r'IterBasedTrainLoop needs train_cfg\.max_iters'):
        check_training(config)


def test_a_schedule_by_epoch_in_a_loop_by_iteration():
    config = _config()
    config.param_scheduler = dict(type='StepLR', step_size=8)
    with pytest.raises(ValueError, match=r'never step: set param_scheduler\.by_epoch=False'):
        check_training(config)
    config.param_scheduler.convert_to_iter_based = True
    with pytest.raises(ValueError, match=r'set param_scheduler\.end, in epochs'):
        check_training(config)
    config.param_scheduler.end = 40
    assert check_training(config) == []


def test_a_training_shorter_than_its_warm_up():
    with pytest.raises(
        ValueError,
        match=r'param_scheduler\.1 \(CosineAnnealingLR\) begins at 50.*train_cfg\.max_iters=20',
    ):
        check_training(_config(**{'train_cfg.max_iters': 20}))
    warm_up = dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=1000)
    config = _config()
    config.param_scheduler = [warm_up, dict(type='PolyLR', by_epoch=False)]
    config.train_cfg.max_iters = 1000
    assert check_training(config) == []
    config.train_cfg.max_iters = 999
    (warning,) = check_training(config)
    assert warning.startswith('param_scheduler.0 (LinearLR) warms up until 1000')


def test_schedules_of_several_optimizers():
    late = dict(type='PolyLR', by_epoch=False, begin=2000)
    config = _config()
    config.param_scheduler = dict(generator=late, critic=[late])
    with pytest.raises(
        ValueError, match=r'(?s)param_scheduler\.generator \(.*param_scheduler\.critic\.0 \('
    ):
        check_training(config)


def test_a_loop_of_ones_own_is_left_alone():
    config = _config()
    config.train_cfg = dict(type='OwnLoop', length=3)
    config.param_scheduler = dict(type='StepLR', step_size=8)
    assert check_training(config) == []


@pytest.mark.parametrize(
    ('key', 'value'), [('compile', True), ('activation_checkpointing', ['backbone'])]
)
def test_switches_of_the_runner_that_the_model_has_as_well(key, value):
    with pytest.raises(ValueError, match=rf"mmengine's {key} .*: set model\.{key}="):
        check_training(_config(**{key: value}))
    assert check_training(_config(**{key: None, f'model.{key}': value})) == []


def test_a_rate_is_not_scaled_by_a_part_of_a_step():
    accumulated = {'optim_wrapper.accumulative_counts': 16}
    message = r'--auto-scale-lr .*accumulative_counts=16 .*is not 4, set'
    with pytest.raises(ValueError, match=message):
        check_training(_config(**accumulated, **{'auto_scale_lr.enable': True}))
    assert check_training(_config(**accumulated)) == []
    assert check_training(_config(**{'auto_scale_lr.enable': True})) == []
