"""Checkpoints on disk at the moments at which a training may end."""

import errno
from functools import partial
from pathlib import Path

import pytest
import torch
from mmengine.hooks import CheckpointHook
from mmengine.model import BaseModel

from einet.hooks import SafeCheckpointHook
from einet.hooks.checkpoint_hook import AtomicBackend

from .tiny_runner import train_tiny


class _Weight(BaseModel):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))

    def forward(self, inputs, mode):
        return dict(loss=(self.weight * inputs).square())


def _train(folder, iterations=8, accumulative_counts=1, hook=SafeCheckpointHook, **settings):
    keep = dict(max_keep_ckpts=1) if hook is SafeCheckpointHook else {}
    return train_tiny(
        _Weight(),
        folder,
        [torch.tensor(value) for value in (0.5, 1.0, 2.0)],
        [],
        dict(type='IterBasedTrainLoop', max_iters=iterations),
        accumulative_counts=accumulative_counts,
        checkpoint_hook=hook(by_epoch=False, interval=2, **keep),
        **settings,
    )


def _names(folder):
    return sorted(path.name for path in folder.iterdir() if path.suffix == '.pth')


def test_the_old_checkpoint_is_removed_after_the_new_one_is_there(tmp_path, monkeypatch):
    seen = []
    write = AtomicBackend.put

    def put(self, obj, filepath):
        before = _names(tmp_path)
        write(self, obj, filepath)
        seen.append((before, _names(tmp_path)))

    monkeypatch.setattr(AtomicBackend, 'put', put)
    _train(tmp_path, 6)
    assert seen == [
        ([], ['iter_2.pth']),
        (['iter_2.pth'], ['iter_2.pth', 'iter_4.pth']),
        (['iter_4.pth'], ['iter_4.pth', 'iter_6.pth']),
    ]
    assert _names(tmp_path) == ['iter_6.pth']


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path, monkeypatch):
    write = Path.write_bytes

    def write_bytes(self, content):
        if 'iter_6.pth' in self.name:
            write(self, content[:1000])
            raise OSError(errno.ENOSPC, 'No space left on device')
        return write(self, content)

    monkeypatch.setattr(Path, 'write_bytes', write_bytes)
    with pytest.raises(OSError, match=r'iter_6\.pth cannot be written: No space .*--resume'):
        _train(tmp_path)
    assert _names(tmp_path) == ['iter_4.pth']
    assert not list(tmp_path.glob('.iter*'))
    monkeypatch.undo()
    resumed = _train(tmp_path, resume=True)
    whole = _train(tmp_path / 'whole')
    assert torch.equal(resumed.model.weight, whole.model.weight)


def test_a_checkpoint_waits_for_the_end_of_an_accumulated_step(tmp_path):
    whole = _train(tmp_path / 'whole', 11, 3)
    seen = []

    class _Listing(SafeCheckpointHook):
        def after_train_iter(self, runner, *args, **kwargs):
            super().after_train_iter(runner, *args, **kwargs)
            seen.append(_names(tmp_path / 'again'))

    _train(tmp_path / 'again', 11, 3, _Listing)
    # Due at 2, 4, 6, 8 and 10; a step ends at 3, 6, 9 and, with the training, at 11.
    assert [len(names) for names in seen] == [0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4]
    assert seen[-1] == ['iter_11.pth', 'iter_3.pth', 'iter_6.pth', 'iter_9.pth']
    middle = str(tmp_path / 'again' / 'iter_6.pth')
    resumed = _train(tmp_path / 'resumed', 11, 3, resume=True, load_from=middle)
    assert torch.equal(resumed.model.weight, whole.model.weight)


def test_what_a_killed_training_left_half_written_is_removed(tmp_path):
    draft = tmp_path / f'.iter_4.pth.{"0123456789abcdef" * 2}'
    other = tmp_path / '.notes.txt.0123'
    for path in (draft, other):
        path.write_text('half')
    _train(tmp_path, 2)
    assert not draft.exists() and other.exists()


def test_the_best_checkpoint_is_replaced_not_removed(tmp_path, monkeypatch):
    seen = []
    write = AtomicBackend.put
    monkeypatch.setattr(
        AtomicBackend,
        'put',
        lambda self, obj, path: (write(self, obj, path), seen.append(_names(tmp_path))),
    )
    hook = SafeCheckpointHook(by_epoch=False, interval=5, save_best='score', rule='greater')
    runner = _train(tmp_path, 5)
    hook.before_train(runner)
    runner.train_loop._iter = 5
    hook._save_best_checkpoint(runner, dict(score=1.0))
    runner.train_loop._iter = 6
    hook._save_best_checkpoint(runner, dict(score=2.0))
    assert ['best_score_iter_5.pth', 'best_score_iter_6.pth'] == [
        name for name in seen[-1] if 'best' in name
    ]
    assert [name for name in _names(tmp_path) if 'best' in name] == ['best_score_iter_6.pth']
    runner.train_loop._iter = 7
    hook._save_best_checkpoint(runner, dict(score=1.5))
    assert [name for name in _names(tmp_path) if 'best' in name] == ['best_score_iter_6.pth']


@pytest.mark.parametrize('hook', [CheckpointHook, SafeCheckpointHook])
def test_a_checkpoint_that_always_has_the_same_name_stays(hook, tmp_path):
    names = dict(filename_tmpl='latest.pth', max_keep_ckpts=1)
    runner = _train(tmp_path, 6, hook=partial(hook, **names))
    assert _names(tmp_path) == ['latest.pth']
    assert torch.load(tmp_path / 'latest.pth', weights_only=False)['meta']['iter'] == runner.iter
