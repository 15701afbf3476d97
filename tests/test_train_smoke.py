"""The commands users type, end to end, on small data: train, resume, test, ranks, images."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import pytest
import torch
from mmengine.fileio import load
from mmengine.runner import Runner

from einet.utils import load_config
from einet_tools.arguments import add_common_arguments

from .commands import run_command
from .paths import CONFIGS, ROOT
from .shapes_training import NARROW, QUICK, SHAPES, SMALL, iterations

pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def trained(shapes_root, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp('trained')
    options = iterations(4, **{'default_hooks.checkpoint.interval': 2})
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
        *SMALL,
        *options,
        cwd=folder,
    )
    assert 'packages: einet' in log and log.count(', sha256 ') == 2
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
        *SMALL,
        *iterations(4),
        'train_dataloader.num_workers=2',
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


def test_deterministic_trainings_are_equal_bit_by_bit(shapes_root, tmp_path):
    states = []
    for workers in (1, 2):
        parser = argparse.ArgumentParser()
        add_common_arguments(parser)
        randomness = {'randomness.seed': 5, 'randomness.deterministic': True}
        options = [*QUICK, *SMALL, *iterations(4, **randomness)]
        args = parser.parse_args(
            [str(SHAPES), '--data-root', str(shapes_root), '--cfg-options', *options]
        )
        config = load_config(args)
        config.train_dataloader.num_workers = workers
        config.work_dir = str(tmp_path / str(workers))
        config.val_cfg = config.val_dataloader = config.val_evaluator = None
        config.default_hooks.checkpoint.save_best = None
        config.experiment_name = f'deterministic {workers}'
        runner = Runner.from_cfg(config)
        try:
            assert torch.are_deterministic_algorithms_enabled() and runner.seed == 5
            runner.train()
        finally:
            torch.use_deterministic_algorithms(False)
        states.append(runner.model.state_dict())
    assert states[0]['interaction.centers.seen'].any()
    assert [name for name, value in states[0].items() if not value.equal(states[1][name])] == []


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
            *iterations(4),
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
    log = run_command(sys.executable, script, config, *common, *iterations(3), cwd=tmp_path)
    assert 'Iter(train) [3/3]' in log.replace(' [ ', ' [')
    script = ROOT / 'tools' / 'test.py'
    prefix = f'test_evaluator.outfile_prefix={tmp_path / "results"}'
    checkpoint = tmp_path / 'iter_3.pth'
    log = run_command(sys.executable, script, config, checkpoint, *common, prefix, cwd=tmp_path)
    assert 'panoptic/PQ' in log
    written = json.loads((tmp_path / 'results.panoptic.json').read_text())
    assert len(written['annotations']) == 5
