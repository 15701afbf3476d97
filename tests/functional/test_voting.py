from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from einet.functional.grouping import semantic_decision
from einet.functional.resize import BilinearCells, Shapes, resize_maps
from einet.functional.voting import majority_labels, relabel, softmax_at


def test_majority_by_hand():
    groups = torch.tensor([0, 0, 0, 2, 2, -1, -1, 2, 2])
    labels = torch.tensor([1, 2, 2, 1, 0, 2, 2, 0, 1])
    # Group 1 has no pixel; group 2 has two of 0 and two of 1.
    assert majority_labels(groups, labels, 3, num_things_classes=3).tolist() == [2, 0, 0]


def test_majority_of_nothing():
    none = torch.zeros(0, dtype=torch.long)
    assert majority_labels(none, none, 0, num_things_classes=3).shape == (0,)
    assert majority_labels(none, none, 2, num_things_classes=3).tolist() == [0, 0]


@given(
    votes=st.lists(st.tuples(st.integers(-1, 4), st.integers(0, 3)), max_size=40),
)
def test_majority_is_torchs_mode(votes):
    groups, labels = torch.tensor(votes, dtype=torch.long).view(-1, 2).unbind(1)
    chosen = majority_labels(groups, labels, 5, num_things_classes=4)
    for k in range(5):
        own = labels[groups == k]
        assert chosen[k] == (own.mode().values if len(own) else 0)


@pytest.mark.parametrize('chunk', [3, 1 << 22])
def test_relabeled_pixels_have_the_probability_of_their_new_class(chunk, monkeypatch):
    monkeypatch.setattr('einet.functional.grouping._CHUNK', chunk)
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(4, 3, 5, generator=generator)
    shapes = Shapes((12, 20), (12, 20), (17, 13))
    cells = BilinearCells((3, 5), shapes, like=logits)
    semantics = semantic_decision(logits, cells, num_things_classes=3)
    groups = torch.randint(-1, 2, semantics.thing_pixels.shape, generator=generator)
    changed = relabel(semantics, groups, torch.tensor([2, 0]), partial(softmax_at, logits, cells))
    expected = torch.tensor([2, 0])[groups].where(groups >= 0, semantics.thing_labels)
    assert changed.thing_labels.equal(expected)
    softmax = resize_maps(logits, shapes).softmax(dim=0).flatten(1)
    torch.testing.assert_close(
        changed.thing_probabilities, softmax[expected, semantics.thing_pixels]
    )
    assert changed.labels.equal(semantics.labels)
