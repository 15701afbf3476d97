"""Trainings that are killed at random moments and resumed, against uninterrupted ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from .commands import command_environment
from .killer import WITHIN
from .paths import ROOT
from .shapes_training import QUICK, SHAPES, SMALL, iterations

pytestmark = pytest.mark.slow

# For a long check: EINET_KILLS=20 python -m pytest tests/test_long_runs.py -k killed
KILLS = int(os.environ.get('EINET_KILLS', 3))
ITERATIONS = WITHIN * KILLS  # about twice what is trained between two kills
OPTIONS = [
    *QUICK,
    *SMALL,
    *iterations(ITERATIONS, **{'default_hooks.checkpoint.interval': 4}),
    'train_cfg.val_interval=10',
    'train_dataloader.num_workers=2',
    'optim_wrapper.accumulative_counts=3',
    'randomness.deterministic=True',
]


@pytest.fixture(scope='module')
def config(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp('config') / 'killed.py'
    path.write_text(
        f"""_base_ = ['{SHAPES}']
custom_imports = dict(imports=['einet', 'killer'], allow_failed_imports=False)
custom_hooks = [dict(type='SemanticCentersHook'), dict(type='Killer')]
"""
    )
    return path


def _train(config, shapes_root, folder, ranks=1, **environment) -> subprocess.CompletedProcess:
    """Start or go on; may end in any way."""
    launch = [sys.executable, ROOT / 'tools' / 'train.py', config]
    if ranks > 1:
        launch = ['bash', ROOT / 'tools' / 'dist_train.sh', config, str(ranks)]
    return subprocess.run(
        [*launch, '--data-root', shapes_root, '--work-dir', folder, '--resume']
        + ['--cfg-options', *OPTIONS],
        env={**command_environment(), **environment},
        capture_output=True,
        text=True,
        timeout=600,
    )


def _state(folder):
    """All that the last checkpoint says of the training, by name, without times and paths."""
    checkpoint = torch.load(folder / f'iter_{ITERATIONS}.pth', weights_only=False)
    state = {f'weights.{name}': value for name, value in checkpoint['state_dict'].items()}
    for index, moments in checkpoint['optimizer']['state'].items():
        state |= {f'optimizer.{index}.{name}': value for name, value in moments.items()}
    state['optimizer.groups'] = checkpoint['optimizer']['param_groups']
    state['schedule'] = checkpoint['param_schedulers']
    infos = checkpoint['message_hub']['runtime_info']
    state['best'] = infos['best_score']
    state['kept'] = infos['keep_ckpt_ids']
    return state


def _assert_equal(folder, expected_folder):
    state, expected = _state(folder), _state(expected_folder)
    assert state.keys() == expected.keys() and 'weights.interaction.centers.centers' in state
    different = [
        name
        for name, value in expected.items()
        if not (
            torch.equal(state[name], value)
            if isinstance(value, torch.Tensor)
            else state[name] == value
        )
    ]
    assert different == []
    names = [sorted(p.name for p in f.glob('*.pth')) for f in (folder, expected_folder)]
    assert names[0] == names[1]
    best, expected_best = (
        torch.load(next(f.glob('best*.pth')), weights_only=False)['state_dict']
        for f in (folder, expected_folder)
    )
    assert all(torch.equal(best[name], value) for name, value in expected_best.items())


@pytest.fixture(scope='module')
def whole(config, shapes_root, tmp_path_factory):
    folder = tmp_path_factory.mktemp('whole')
    result = _train(config, shapes_root, folder)
    assert result.returncode == 0, result.stderr[-3000:]
    return folder


def test_killed_at_random_moments(whole, config, shapes_root, tmp_path):
    ends = []
    for seed in range(KILLS):
        end = _train(config, shapes_root, tmp_path, EINET_KILL=str(seed)).returncode
        print(f'EINET_KILL={seed}: {end}', sorted(path.name for path in tmp_path.iterdir()))
        ends.append(end)
    assert -9 in ends and set(ends) <= {-9, 0}
    result = _train(config, shapes_root, tmp_path)
    assert result.returncode == 0, result.stderr[-3000:]
    _assert_equal(tmp_path, whole)


def test_a_killed_rank(config, shapes_root, tmp_path):
    assert _train(config, shapes_root, tmp_path / 'whole', ranks=2).returncode == 0
    killed = _train(config, shapes_root, tmp_path / 'killed', ranks=2, EINET_KILL='0')
    assert killed.returncode != 0 and 'SIGKILL' in killed.stderr
    assert _train(config, shapes_root, tmp_path / 'killed', ranks=2).returncode == 0
    _assert_equal(tmp_path / 'killed', tmp_path / 'whole')


def test_a_resume_that_meets_a_truncated_checkpoint(whole, config, shapes_root, tmp_path):
    for path in whole.glob('*.pth'):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    last = tmp_path / f'iter_{ITERATIONS}.pth'
    last.write_bytes(last.read_bytes()[:100_000])
    (tmp_path / 'last_checkpoint').write_text(str(last))
    result = _train(config, shapes_root, tmp_path)
    assert result.returncode == 0, result.stderr[-3000:]
    assert f'{last.name} is damaged; going on from' in result.stdout + result.stderr
    _assert_equal(tmp_path, whole)
