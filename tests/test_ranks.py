"""What a training computes does not depend on how it is spread over ranks."""

from __future__ import annotations

import pytest
import torch

from .commands import run_command
from .paths import ROOT
from .shapes_training import QUICK, SHAPES, SMALL, iterations

pytestmark = pytest.mark.slow


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
        *iterations(4),
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
    options = [*SMALL, 'optim_wrapper.optimizer.lr=0.0', 'optim_wrapper.accumulative_counts=2']
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
