import copy
import itertools
import pickle
import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine import dist
from torch.utils.data import DataLoader

from einet.datasets.draws import Draw, ResumableSampler, SeededDataset, seed_random_state


def _sampler(size, rank=0, ranks=1, seed=3, **options):
    sampler = ResumableSampler(range(size), seed=seed, **options)
    sampler.rank, sampler.world_size = rank, ranks
    return sampler


def _first(sampler, count):
    return [(int(draw), draw.key) for draw in itertools.islice(sampler, count)]


def test_every_epoch_has_every_sample_in_an_order_of_its_own():
    indices = [index for index, _ in _first(_sampler(7), 21)]
    epochs = [indices[i : i + 7] for i in (0, 7, 14)]
    assert all(sorted(epoch) == list(range(7)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]
    # Another seed is another sequence, not a later part of this one.
    other = [index for index, _ in _first(_sampler(7, seed=4), 7)]
    assert other not in epochs
    assert [index for index, _ in _first(_sampler(3, shuffle=False), 5)] == [0, 1, 2, 0, 1]


def test_ranks_share_one_sequence():
    whole = _first(_sampler(7), 24)
    assert [key for _, key in whole] == [(3, position) for position in range(24)]
    for ranks in (2, 3):
        parts = [_first(_sampler(7, rank, ranks), 24 // ranks) for rank in range(ranks)]
        assert [draw for step in zip(*parts, strict=True) for draw in step] == whole


def test_rank_and_world_are_those_of_the_launcher(monkeypatch):
    monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info', lambda: (1, 4))
    assert dist.get_dist_info() == (0, 1)
    keys = [key for _, key in _first(ResumableSampler(range(5), seed=0), 3)]
    assert keys == [(0, 1), (0, 5), (0, 9)]


@pytest.mark.parametrize('skipped', [0, 1, 6, 7, 20])
def test_a_position_that_is_skipped_to(skipped):
    sampler = _sampler(7, 1, 2)
    whole = _first(sampler, 40)
    sampler.skip(skipped)
    assert _first(sampler, 20) == whole[skipped : skipped + 20]


def test_a_late_position_is_reached_at_once(monkeypatch):
    # COCO at iteration 400,000, 8 ranks with 4 images each.
    sampler = _sampler(118_287, rank=5, ranks=8)
    sampler.skip(400_000 * 4)
    seeds, default_rng = [], np.random.default_rng
    monkeypatch.setattr(np.random, 'default_rng', lambda s: seeds.append(s) or default_rng(s))
    ((_, key),) = _first(sampler, 1)
    assert key == (3, 400_000 * 32 + 5)
    # Of 108 epochs before this one, none is shuffled.
    assert seeds == [(3, 108)]


def test_a_draw_reaches_a_worker_as_it_is():
    draw = pickle.loads(pickle.dumps(Draw(5, (1, 20))))
    assert (draw, draw.key, type(draw)) == (5, (1, 20), Draw)


class _Random:
    """Samples with all kinds of random numbers; metainfo, as a real data set has it."""

    metainfo = dict(classes=('a',))

    def __len__(self):
        return 5

    def __getitem__(self, index):
        return index, random.random(), np.random.rand(), torch.rand(()).item()


def _batches(workers, skipped=0, count=6):
    sampler = _sampler(5)
    sampler.skip(skipped * 2)
    loader = DataLoader(
        SeededDataset(_Random()), 2, sampler=sampler, num_workers=workers, collate_fn=list
    )
    return list(itertools.islice(loader, count))


def test_random_numbers_follow_from_the_position_whatever_the_workers():
    random.seed(1)
    whole = _batches(workers=0)
    torch.manual_seed(7)
    assert _batches(workers=3) == whole
    assert _batches(workers=2, skipped=4, count=2) == whole[4:]
    # Each draw has numbers of its own, also of the same sample in another epoch.
    for column in (1, 2, 3):
        assert len({sample[column] for batch in whole for sample in batch}) == 12


def test_the_inner_data_set_shows_through():
    dataset = SeededDataset(_Random())
    assert len(dataset) == 5 and dataset.metainfo == dict(classes=('a',))
    assert copy.deepcopy(dataset).metainfo == dict(classes=('a',))
    assert not hasattr(dataset, 'full_init')
    # An index without a key leaves the random state alone.
    seed_random_state(1)
    first = dataset[2]
    seed_random_state(1)
    assert dataset[2] == first != dataset[2]


def test_the_state_follows_from_the_whole_key():
    seen = set()
    for key in ((0, 0), (1, 1), (0, 1), (1, 0), (2**40, 3)):
        seed_random_state(*key)
        seen.add((random.random(), np.random.rand(), torch.rand(()).item()))
    assert len({number for numbers in seen for number in numbers}) == 15


def test_gpus_are_seeded_where_they_are_in_use(monkeypatch):
    seeds = []
    cuda = SimpleNamespace(is_initialized=lambda: True, manual_seed_all=seeds.append)
    monkeypatch.setattr(torch, 'cuda', cuda)
    seed_random_state(1)
    seed_random_state(2)
    assert len(set(seeds)) == 2
