from types import SimpleNamespace

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from mmengine.hooks import EMAHook
from mmengine.runner.priority import get_priority

from einet.hooks import SameBuffersHook


def _validate(rank, path, results):
    dist.init_process_group('gloo', init_method=f'file://{path}', rank=rank, world_size=3)
    torch.manual_seed(rank)
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    for _ in range(rank + 1):
        model(torch.randn(5, 2))
    SameBuffersHook().before_val_epoch(SimpleNamespace(model=model))
    torch.save(model.state_dict(), results / f'{rank}.pth')
    dist.destroy_process_group()


def test_ranks_have_the_buffers_of_the_first(tmp_path):
    mp.spawn(_validate, (tmp_path / 'store', tmp_path), nprocs=3)
    first, *others = (torch.load(tmp_path / f'{rank}.pth') for rank in range(3))
    assert first['1.num_batches_tracked'] == 1
    for state in others:
        for name in ('running_mean', 'running_var', 'num_batches_tracked'):
            assert state[f'1.{name}'].equal(first[f'1.{name}'])
        assert not state['0.weight'].equal(first['0.weight'])


def test_one_rank_keeps_its_own():
    model = torch.nn.BatchNorm1d(2)
    model(torch.tensor([[1.0, 2.0], [3.0, 8.0]]))
    before = model.running_mean.clone()
    SameBuffersHook().before_val_epoch(SimpleNamespace(model=model))
    assert model.running_mean.equal(before)


def test_averaged_weights_are_in_place_before():
    # A larger number comes later.
    ours = SameBuffersHook().priority
    assert get_priority(ours) > get_priority(EMAHook.priority)
