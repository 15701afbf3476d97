"""The batched decisions against those of single images, and by hand."""

import pytest
import torch

from einet.deployment.grouping import Slots, drop_near, find_slots, score_maps, sum_by
from einet.functional.grouping import are_distinct
from einet.functional.grouping import score_maps as score_maps_of_one
from einet.functional.heatmap import Peaks, find_peaks

from .maps import smooth_maps


def _used(slots, image):
    width = 16
    cells = slots.cells[image][slots.used[image]]
    xy = torch.stack((cells % width, cells // width), dim=1)
    return Peaks(xy, slots.labels[image][slots.used[image]], slots.scores[image][slots.used[image]])


@pytest.mark.parametrize('top_k', [2, 40, 300])
@pytest.mark.parametrize('kernel_size', [3, 4])
def test_slots_hold_the_peaks(kernel_size, top_k):
    # Neighbors are equal, so that every window has a tie; peaks are not, as torch breaks those ties
    # at will.
    logits = smooth_maps(2, 3, (12, 8)).repeat_interleave(2, dim=3)
    labels = (logits + smooth_maps(3, 3, (12, 16)) / 2).argmax(dim=1)
    valid = torch.zeros(12, 16, dtype=torch.bool)
    valid[:11, :13] = True
    slots = find_slots(logits, labels, valid, kernel_size, 0.4, top_k, num_slots=1000)
    for image in range(2):
        expected = find_peaks(
            logits[image].sigmoid(), kernel_size, 0.4, top_k, labels[image], (11, 13), logits[image]
        )
        assert len(expected.labels) > 2
        for found, value in zip(_used(slots, image), expected, strict=True):
            torch.testing.assert_close(found, value)


def test_the_strongest_peaks_stay_in_the_order_of_their_classes():
    logits = torch.full((1, 2, 1, 16), -9.0)
    logits[0, 0, 0, [1, 5, 9]] = torch.tensor([1.0, 4.0, 2.0])
    logits[0, 1, 0, [3, 13]] = torch.tensor([5.0, 0.5])
    labels = torch.tensor([[[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]]])
    valid = torch.ones(1, 16, dtype=torch.bool)
    slots = find_slots(logits, labels, valid, 3, 0.3, top_k=4, num_slots=3)
    assert slots.used.tolist() == [[True, True, True]]
    assert slots.labels.tolist() == [[0, 0, 1]]
    assert slots.cells.tolist() == [[5, 9, 3]]


def _slots(labels, used):
    count = len(labels)
    return Slots(
        cells=torch.arange(count)[None],
        labels=torch.tensor(labels)[None],
        scores=torch.linspace(0.9, 0.5, count)[None],
        used=torch.tensor(used)[None],
    )


def test_near_peaks_are_dropped_as_one_by_one():
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.rand(8, 3, generator=generator) * 2
    labels = [0, 0, 0, 0, 1, 1, 1, 1]
    slots = drop_near(_slots(labels, [True] * 8), embeddings[None], 1.0)
    peaks = Peaks(torch.arange(8)[:, None], torch.tensor(labels), torch.linspace(0.9, 0.5, 8))
    expected = are_distinct(peaks, [embeddings], 1.0)
    assert 2 < expected.sum() < 8
    assert slots.used[0].equal(expected)


def test_an_empty_slot_drops_no_peak():
    embeddings = torch.tensor([[[0.0], [0.1], [5.0]]])
    slots = drop_near(_slots([0, 0, 0], [False, True, True]), embeddings, 1.0)
    assert slots.used.tolist() == [[False, True, True]]


def test_scores_are_those_of_single_images_whatever_the_empty_slots_hold():
    embedding = smooth_maps(4, 5, (12, 16))
    centroids = embedding.flatten(2)[..., [3, 50, 99]].transpose(1, 2).contiguous()
    centroids[:, 1] = 1000.0
    used = torch.tensor([[True, False, True]] * 2)
    scores = score_maps(embedding, centroids, used)
    for image in range(2):
        expected = score_maps_of_one(embedding[image], centroids[image][[0, 2]])
        found = scores[image][..., [0, 2]].permute(2, 0, 1)
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_values_are_summed_by_index():
    summed = sum_by(torch.tensor([2, 0, 2]), torch.tensor([1.5, 4.0, 2.0]), 4)
    assert summed.tolist() == [4.0, 0.0, 3.5, 0.0]
