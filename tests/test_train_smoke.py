"""The commands users type, end to end, on small data: train, resume, test, ranks, images."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from mmengine.fileio import load

from .commands import run_command
from .paths import CONFIGS, ROOT

pytestmark = pytest.mark.slow

SHAPES = CONFIGS / 'einet_tiny_shapes.py'
NARROW = [
    'model.backbone.base_channels=8',
    'model.backbone.stem_channels=8',
    'model.semantic_decoder.in_channels=(8,16,64)',
    'model.instance_decoder.in_channels=(8,16,64)',
]
QUICK = [
    *NARROW,
    'train_dataloader.num_workers=0',
    'train_dataloader.persistent_workers=False',
    'val_dataloader.num_workers=0',
    'val_dataloader.persistent_workers=False',
    'test_dataloader.num_workers=0',
    'test_dataloader.persistent_workers=False',
    'train_dataloader.batch_size=2',
    'default_hooks.logger.interval=1',
    'param_scheduler.0.end=2',
    'param_scheduler.1.begin=2',
]
# Nothing random in the training data: a resumed run goes on with the same images, but with other
# random numbers.
STILL = [
    'train_dataloader.dataset.pipeline.2.scale=(96,96)',
    'train_dataloader.dataset.pipeline.2.ratio_range=(1.0,1.0)',
    'train_dataloader.dataset.pipeline.3.crop_size=(96,96)',
    'train_dataloader.dataset.pipeline.4.prob=0.0',
    'model.data_preprocessor.batch_augments.0.size=(96,96)',
]


def _iterations(count, **extra):
    options = [f'train_cfg.max_iters={count}', f'train_cfg.val_interval={count}']
    return [*options, *(f'{key}={value}' for key, value in extra.items())]


@pytest.fixture(scope='module')
def shapes_root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp('shapes') / 'set'
    script = ROOT / 'tools' / 'dataset_converters' / 'shapes.py'
    run_command(
        sys.executable, script, root, '--train', 8, '--val', 3, '--size', 64, cwd=root.parent
    )
    return root


@pytest.fixture(scope='module')
def trained(shapes_root, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp('trained')
    options = _iterations(4, **{'default_hooks.checkpoint.interval': 2})
    log = run_command(
        sys.executable,
        ROOT / 'tools' / 'train.py',
        SHAPES,
        '--work-dir',
        folder,
        '--data-root',
        shapes_root,
        '--cfg-options',
        *QUICK,
        *STILL,
        *options,
        cwd=folder,
    )
    assert 'eta:' in log
    assert 'centers_seen' in log
    assert 'panoptic/PQ' in log
    return folder


def test_checkpoint_holds_the_centers(trained):
    state = torch.load(trained / 'iter_4.pth', weights_only=False)['state_dict']
    assert state['interaction.centers.seen'].any()
    assert state['interaction.centers.centers'].abs().sum() > 0
    assert not [key for key in state if 'staged' in key]


def test_resume_continues_bit_by_bit(trained, shapes_root, tmp_path):
    (tmp_path / 'record').mkdir()
    arguments = [
        sys.executable,
        ROOT / 'tools' / 'train.py',
        SHAPES,
        '--data-root',
        shapes_root,
        '--work-dir',
        tmp_path / 'resumed',
        '--resume',
        trained / 'iter_2.pth',
        '--cfg-options',
        *QUICK,
        *STILL,
        *_iterations(4),
    ]
    log = run_command(*arguments, cwd=tmp_path)
    assert 'resumed epoch: 0, iter: 2' in log
    expected, resumed = (
        torch.load(folder / 'iter_4.pth', weights_only=False)['state_dict']
        for folder in (trained, tmp_path / 'resumed')
    )
    assert expected.keys() == resumed.keys()
    different = [name for name in expected if not torch.equal(resumed[name], expected[name])]
    assert different == []


def test_test_writes_results_and_images(trained, shapes_root, tmp_path):
    log = run_command(
        sys.executable,
        ROOT / 'tools' / 'test.py',
        SHAPES,
        trained / 'iter_4.pth',
        '--work-dir',
        tmp_path,
        '--data-root',
        shapes_root,
        '--out',
        tmp_path / 'results.pkl',
        '--show-dir',
        'images',
        '--cfg-options',
        *QUICK,
        f'test_evaluator.outfile_prefix={tmp_path / "coco"}',
        cwd=tmp_path,
    )
    assert 'PQ' in log
    assert len(load(tmp_path / 'results.pkl')) == 3
    images = [path for path in tmp_path.rglob('*.*g') if 'images' in path.parts]
    assert len(images) == 3
    assert len(json.loads((tmp_path / 'coco.panoptic.json').read_text())['annotations']) == 3
    assert (tmp_path / 'coco.segm.json').is_file()
    (scores,) = tmp_path.rglob('scores.json')
    assert list(json.loads(scores.read_text())['scores'])[:3] == ['PQ', 'PQ_th', 'PQ_st']
    assert 'Scores (percent)' in log


def _record_steps(hooks, ranks, shapes_root, folder, *options):
    """Train 4 iterations; what :class:`StepRecorder` saw, by rank."""
    folder.mkdir()
    config = folder / 'recorded.py'
    hooks = ', '.join(f"dict(type='{hook}')" for hook in ('SemanticCentersHook', *hooks))
    config.write_text(
        f"""_base_ = ['{SHAPES}']
custom_imports = dict(imports=['einet', 'step_recorder'], allow_failed_imports=False)
custom_hooks = [{hooks}]
"""
    )
    run_command(
        'bash',
        ROOT / 'tools' / 'dist_train.sh',
        config,
        ranks,
        '--data-root',
        shapes_root,
        '--work-dir',
        folder,
        '--cfg-options',
        *QUICK,
        *_iterations(4),
        *options,
        cwd=folder,
        EINET_RECORD=str(folder),
    )
    return [torch.load(folder / f'rank{rank}.pth') for rank in range(ranks)]


@pytest.mark.parametrize('accumulative_counts', [1, 2])
def test_two_ranks_keep_the_same_centers(shapes_root, tmp_path, accumulative_counts):
    option = f'optim_wrapper.accumulative_counts={accumulative_counts}'
    ranks = _record_steps(['StepRecorder'], 2, shapes_root, tmp_path / 'run', option)
    for first, second in zip(*ranks, strict=True):
        for name in ('centers', 'seen', 'weights'):
            assert torch.equal(first[name], second[name]), name
    centers = [step['centers'] for step in ranks[0]]
    # The first step that is complete moves Q, and after it every complete step does.
    assert bool(centers[0].any()) == (accumulative_counts == 1)
    assert centers[1].any()
    assert torch.equal(centers[1], centers[2]) == (accumulative_counts == 2)
    assert not torch.equal(centers[2], centers[3])
    # The ranks saw different images.
    assert ranks[0][0]['loss'] != ranks[1][0]['loss']


def test_two_ranks_move_the_centers_as_one_process_with_both_batches_does(shapes_root, tmp_path):
    # Weights stay as they are, so that every step can be compared.
    options = [*STILL, 'optim_wrapper.optimizer.lr=0.0', 'optim_wrapper.accumulative_counts=2']
    hooks = ['StepRecorder', 'FrozenNorm']
    together, *_ = _record_steps(hooks, 2, shapes_root, tmp_path / 'two', *options)
    (alone,) = _record_steps(
        hooks, 1, shapes_root, tmp_path / 'one', *options, 'train_dataloader.batch_size=4'
    )
    assert alone[1]['centers'].norm(dim=1).max() > 0.5
    assert not torch.equal(alone[1]['centers'], alone[3]['centers'])
    for ours, expected in zip(together, alone, strict=True):
        torch.testing.assert_close(ours['centers'], expected['centers'], rtol=0, atol=1e-6)
        assert torch.equal(ours['seen'], expected['seen'])


def test_training_without_the_hook_fails_at_the_second_step(shapes_root, tmp_path):
    with pytest.raises(AssertionError, match='SemanticCentersHook'):
        run_command(
            sys.executable,
            ROOT / 'tools' / 'train.py',
            SHAPES,
            '--data-root',
            shapes_root,
            '--work-dir',
            tmp_path,
            '--cfg-options',
            *QUICK,
            *_iterations(4),
            'custom_hooks=[]',
            cwd=tmp_path,
        )


def test_the_paper_preset_trains_and_is_tested_on_real_images(coco_sample_root, tmp_path):
    config = CONFIGS / 'einet_x71_coco.py'
    smaller = [
        'train_dataloader.dataset.pipeline.2.scale=(128,128)',
        'train_dataloader.dataset.pipeline.3.crop_size=(129,97)',
        'model.data_preprocessor.batch_augments.0.size=(112,144)',
        'model.backbone.init_cfg=None',
        *(
            f'{loader}_dataloader.{setting}'
            for loader in ('val', 'test')
            for setting in ('dataset.pipeline.2.scale=(96,96)', 'dataset.indices=5')
        ),
        *(option for option in QUICK if option not in NARROW and 'scheduler' not in option),
    ]
    common = ['--data-root', coco_sample_root, '--work-dir', tmp_path, '--cfg-options', *smaller]
    script = ROOT / 'tools' / 'train.py'
    log = run_command(sys.executable, script, config, *common, *_iterations(3), cwd=tmp_path)
    assert 'Iter(train) [3/3]' in log.replace(' [ ', ' [')
    script = ROOT / 'tools' / 'test.py'
    prefix = f'test_evaluator.outfile_prefix={tmp_path / "results"}'
    checkpoint = tmp_path / 'iter_3.pth'
    log = run_command(sys.executable, script, config, checkpoint, *common, prefix, cwd=tmp_path)
    assert 'panoptic/PQ' in log
    written = json.loads((tmp_path / 'results.panoptic.json').read_text())
    assert len(written['annotations']) == 5
