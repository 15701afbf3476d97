import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einet.video.matching import assign, similarity


def test_masks_and_embeddings_count_alike():
    iou = np.array([[0.6, 0.0, 0.2]])
    tracks = np.array([[1.0, 2.0]])
    instances = np.array([[1.0, 2.0], [1.0, 3.5], [9.0, 2.0]])  # at distances 0, 1.5 and 8
    alike = similarity(iou, tracks, instances, distance=3.0)
    assert alike == pytest.approx(np.array([[0.8, 0.25, 0.1]]))


@pytest.mark.parametrize('missing', ['first', 'second'])
def test_without_embeddings_masks_decide(missing):
    iou = np.array([[0.6, 0.1]])
    tracks = None if missing == 'first' else np.zeros((1, 4))
    instances = None if missing == 'second' else np.zeros((2, 4))
    assert similarity(iou, tracks, instances, 3.0) is iou


def test_pairs_that_may_not_match_or_are_too_different_are_none():
    alike = np.array([[0.9, 0.3, 0.0], [0.8, 0.1, 0.29]])
    may_match = np.array([[False, True, True], [True, True, True]])
    assert assign(alike, may_match, least=0.3).tolist() == [1, 0, -1]


@pytest.mark.parametrize(('rows', 'columns'), [(0, 3), (3, 0), (0, 0)])
def test_nothing_to_match(rows, columns):
    none = np.zeros((rows, columns))
    assert assign(none, none > 0, 0.1).tolist() == [-1] * columns


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 10_000))
def test_no_other_pairing_is_better(rows, columns, seed):
    alike = np.random.default_rng(seed).uniform(size=(rows, columns))
    tracks = assign(alike, alike > 0.2, least=0.3)
    used = tracks[tracks >= 0]
    assert len(set(used.tolist())) == len(used)
    kept = np.where(alike >= 0.3, alike, 0)
    total = sum(kept[track, i] for i, track in enumerate(tracks) if track >= 0)
    choices = itertools.product(range(-1, rows), repeat=columns)
    best = max(
        sum(kept[track, i] for i, track in enumerate(choice) if track >= 0)
        for choice in choices
        if len({t for t in choice if t >= 0}) == sum(t >= 0 for t in choice)
    )
    assert total == pytest.approx(best)
