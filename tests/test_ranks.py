"""What a training computes does not depend on how it is spread over ranks."""

from __future__ import annotations

import json
import socket
import subprocess

import pytest
import torch

from .commands import command_environment, run_command
from .paths import ROOT
from .shapes_training import QUICK, SHAPES, SMALL, iterations

pytestmark = pytest.mark.slow


def _train(hooks, ranks, shapes_root, folder, *options):
    """Train 4 iterations, or as many as the options say."""
    folder.mkdir(parents=True)
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


def _record_steps(hooks, ranks, shapes_root, folder, *options):
    """Train; what :class:`StepRecorder` saw, by rank."""
    _train(['StepRecorder', *hooks], ranks, shapes_root, folder, *options)
    return [torch.load(folder / f'rank{rank}.pth') for rank in range(ranks)]


@pytest.mark.parametrize('accumulative_counts', [1, 2])
def test_two_ranks_keep_the_same_centers(shapes_root, tmp_path, accumulative_counts):
    option = f'optim_wrapper.accumulative_counts={accumulative_counts}'
    ranks = _record_steps([], 2, shapes_root, tmp_path / 'run', option)
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
    hooks = ['FrozenNorm']
    together, *_ = _record_steps(hooks, 2, shapes_root, tmp_path / 'two', *options)
    (alone,) = _record_steps(
        hooks, 1, shapes_root, tmp_path / 'one', *options, 'train_dataloader.batch_size=4'
    )
    assert alone[1]['centers'].norm(dim=1).max() > 0.5
    assert not torch.equal(alone[1]['centers'], alone[3]['centers'])
    for ours, expected in zip(together, alone, strict=True):
        torch.testing.assert_close(ours['centers'], expected['centers'], rtol=0, atol=1e-6)
        assert torch.equal(ours['seen'], expected['seen'])


def test_a_batch_with_nan_on_one_rank_is_left_out_on_all(shapes_root, tmp_path):
    folder, skip = tmp_path / 'run', 'default_hooks.non_finite.max_skips=1'
    ranks = _record_steps(['Poison'], 2, shapes_root, folder, *SMALL, skip)
    for first, second in zip(*ranks, strict=True):
        assert torch.equal(first['weights'], second['weights'])
        assert torch.equal(first['centers'], second['centers'])
        assert first['weights'].isfinite().all() and first['centers'].isfinite().all()
    steps = ranks[0]
    changes = [
        not torch.equal(before['weights'], after['weights'])
        for before, after in zip(steps, steps[1:], strict=False)
    ]
    assert changes == [True, False, True]
    assert torch.equal(steps[1]['centers'], steps[2]['centers'])
    report = json.loads((folder / 'non_finite_iter_3.json').read_text())
    assert [rank['losses']['loss_semantic'] == 'nan' for rank in report['ranks']] == [False, True]
    assert all(len(rank['images']) == 2 and rank['gradients'] for rank in report['ranks'])


# Without Adam, which makes a step of every rounding error of a gradient near zero.
STEADY = [
    'optim_wrapper.optimizer._delete_=True',
    'optim_wrapper.optimizer.type=SGD',
    'optim_wrapper.optimizer.lr=0.001',
    'param_scheduler=None',
    'randomness.deterministic=True',
    # A residual branch that starts at 0 leaves the sign of what a ReLU gets to the rounding.
    'model.backbone.zero_init_residual=False',
]


def _assert_equal_after_5_steps(shapes_root, folder, split, *options):
    """Steps of one batch of 4 images against a split: ranks, images, batches per step."""
    states = []
    for name, (ranks, images, batches) in dict(one=(1, 4, 1), split=split).items():
        length = 5 * batches
        _train(
            ['FrozenNorm'],
            ranks,
            shapes_root,
            folder / name,
            f'train_dataloader.batch_size={images}',
            f'optim_wrapper.accumulative_counts={batches}',
            *iterations(length),
            *SMALL,
            *STEADY,
            *options,
        )
        path = folder / name / f'iter_{length}.pth'
        states.append(torch.load(path, weights_only=False)['state_dict'])
    expected, state = states
    assert state.keys() == expected.keys()
    for key, value in expected.items():
        limit = 1e-6 if 'centers' in key else 1e-5
        torch.testing.assert_close(
            state[key], value, rtol=0, atol=limit, msg=lambda text, key=key: f'{key}: {text}'
        )


def test_two_ranks_train_as_one_large_batch(shapes_root, tmp_path):
    _assert_equal_after_5_steps(shapes_root, tmp_path, (2, 2, 1))


def test_accumulated_batches_train_as_one_large_batch(shapes_root, tmp_path):
    # What a loss divides by is a batch's own, so it has to be the same in every batch: images that
    # fill the crop, without void and crowds, and a heatmap loss that does not count the peaks.
    content = json.loads((shapes_root / 'annotations' / 'panoptic_train.json').read_text())
    labeled = [
        str(index)
        for index, annotation in enumerate(content['annotations'])
        if sum(s['area'] for s in annotation['segments_info'] if not s['iscrowd']) == 64 * 64
    ]
    assert len(labeled) > 3
    _assert_equal_after_5_steps(
        shapes_root,
        tmp_path,
        (1, 2, 2),
        f'train_dataloader.dataset.indices=[{",".join(labeled)}]',
        'train_dataloader.dataset.pipeline.2.ratio_range=(1.0,1.0)',
        'model.criterion.losses.heatmap.type=HeatmapMSELoss',
        'model.criterion.losses.heatmap.loss_weight=200.0',
    )


def _on_two_nodes(script, *arguments, cwd):
    """Two agents that meet at a port, as on two machines, with one rank each.

    They print to files: who waits for one of two pipes lets the other fill up.
    """
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = str(free.getsockname()[1])
    where = dict(NNODES='2', MASTER_ADDR='127.0.0.1', PORT=port)
    outputs = [cwd / f'node{rank}.log' for rank in range(2)]
    nodes = []
    try:
        for rank, output in enumerate(outputs):
            with output.open('w') as file:
                node = subprocess.Popen(
                    ['bash', ROOT / 'tools' / script, *map(str, arguments)],
                    cwd=cwd,
                    env={**command_environment(), **where, 'NODE_RANK': str(rank)},
                    stdout=file,
                    stderr=subprocess.STDOUT,
                )
            nodes.append(node)
        codes = [node.wait(timeout=600) for node in nodes]
    finally:
        for node in nodes:
            node.terminate()  # and with it its rank, which kill() would leave running
        for node in nodes:
            node.wait(timeout=60)
    assert codes == [0, 0], ''.join(output.read_text()[-3000:] for output in outputs)


def _scores(folder):
    (path,) = folder.rglob('scores.json')
    return json.loads(path.read_text())['scores']


def test_two_nodes_and_three_ranks(shapes_root, tmp_path):
    common = ['--data-root', shapes_root, '--cfg-options', *QUICK, *SMALL]
    # Behind a hidden layer, semantics after four steps would be one class, and PQ 0.
    common.append('model.semantic_head.hidden_channels=None')
    # 8 images: 3, 3 and 2 of three ranks.
    on_8_images = [
        'test_dataloader.dataset.ann_file=annotations/panoptic_train.json',
        'test_dataloader.dataset.data_prefix.img=train/',
        'test_dataloader.dataset.data_prefix.seg=annotations/panoptic_train/',
        'model.fusion.peak_threshold=0.0',
        'model.fusion.top_k=5',
    ]
    work_dir = ['--work-dir', tmp_path / 'nodes']
    _on_two_nodes('dist_train.sh', SHAPES, 1, *work_dir, *common, *iterations(4), cwd=tmp_path)
    run_command(
        'bash',
        ROOT / 'tools' / 'dist_train.sh',
        SHAPES,
        2,
        '--work-dir',
        tmp_path / 'ranks',
        *common,
        *iterations(4),
        cwd=tmp_path,
    )
    nodes, ranks = (
        torch.load(tmp_path / name / 'iter_4.pth', weights_only=False)['state_dict']
        for name in ('nodes', 'ranks')
    )
    assert all(torch.equal(nodes[key], value) for key, value in ranks.items())
    checkpoint = tmp_path / 'nodes' / 'iter_4.pth'
    for count in (1, 3):
        run_command(
            'bash',
            ROOT / 'tools' / 'dist_test.sh',
            SHAPES,
            checkpoint,
            count,
            '--work-dir',
            tmp_path / f'test{count}',
            *common,
            *on_8_images,
            cwd=tmp_path,
        )
    work_dir = ['--work-dir', tmp_path / 'test_nodes']
    _on_two_nodes(
        'dist_test.sh', SHAPES, checkpoint, 1, *work_dir, *common, *on_8_images, cwd=tmp_path
    )
    expected = _scores(tmp_path / 'test1')
    assert expected['PQ'] > 0
    for name in ('test3', 'test_nodes'):
        assert _scores(tmp_path / name) == pytest.approx(expected, rel=0, abs=1e-12, nan_ok=True)
