import pytest
import torch

from einet.functional.grouping import Semantics
from einet.functional.heatmap import Peaks
from einet.functional.merging import merge_segments, sized_groups
from einet.functional.resize import BilinearCells, Shapes


def _same_size(height, width):
    """Maps as large as the image, so that nothing is interpolated."""
    size = (height, width)
    return BilinearCells(size, Shapes(size, size, size), like=torch.zeros(()))


def _merge(stuff_area, groups):
    """An image of 2 x 5: things 0 and 1 (C_th = 3), stuff 3 (2 pixels) and 4 (3 pixels)."""
    labels = torch.tensor([[0, 0, 1, 3, 3], [1, 1, 4, 4, 4]], dtype=torch.uint8)
    semantics = Semantics(
        labels=labels,
        thing_pixels=torch.tensor([0, 1, 2, 5, 6]),
        thing_labels=torch.tensor([0, 0, 1, 1, 1]),
        thing_probabilities=torch.tensor([0.9, 0.5, 0.6, 0.8, 0.25]),
    )
    peaks = Peaks(
        xy=torch.tensor([[3, 0], [1, 0], [2, 0], [0, 1]]),
        labels=torch.tensor([0, 0, 1, 1]),
        scores=torch.tensor([0.75, 0.5, 0.875, 0.4]),
    )
    groups = sized_groups(torch.tensor(groups), 4)
    return merge_segments(semantics, groups, peaks, _same_size(2, 5), 5, 3, stuff_area)


def test_merge_by_hand():
    # The first peak got no pixel: it is dropped and the others are numbered from 1.
    result = _merge(stuff_area=3, groups=[1, 1, 2, 3, 2])
    expected = [[1000, 1000, 2001, 5, 5], [3001, 2001, 4, 4, 4]]
    assert result.panoptic.tolist() == expected
    assert result.panoptic.dtype == torch.int32
    assert result.sem_seg.tolist() == [[0, 0, 1, 3, 3], [1, 1, 4, 4, 4]]
    assert result.sem_seg.dtype == torch.uint8
    assert result.labels.tolist() == [0, 1, 1]
    assert result.panoptic_ids.tolist() == [1000, 2001, 3001]
    assert result.scores.tolist() == pytest.approx([0.5 * 0.7, 0.875 * 0.425, 0.4 * 0.8])
    assert result.centroids.tolist() == [[1, 0], [2, 0], [0, 1]]
    assert result.peaks.tolist() == [1, 2, 3]


@pytest.mark.parametrize(('stuff_area', 'first', 'second'), [(2, 3, 4), (3, 5, 4), (4, 5, 5)])
def test_stuff_is_kept_from_its_area_on(stuff_area, first, second):
    panoptic = _merge(stuff_area, groups=[1, 1, 2, 3, 2]).panoptic
    assert panoptic[0, 3:].tolist() == [first] * 2
    assert panoptic[1, 2:].tolist() == [second] * 3


def test_things_without_a_peak_are_void():
    result = _merge(stuff_area=0, groups=[0, 0, -1, -1, -1])
    assert result.panoptic.tolist() == [[1000, 1000, 5, 3, 3], [5, 5, 4, 4, 4]]
    assert result.labels.tolist() == [0]
    result = _merge(stuff_area=0, groups=[-1] * 5)
    assert result.panoptic.tolist() == [[5, 5, 5, 3, 3], [5, 5, 4, 4, 4]]
    assert result.scores.shape == (0,)
    assert result.centroids.shape == (0, 2)


def test_more_instances_than_the_offset():
    # A class may have more than 1000 instances; ids go on, labels stay readable.
    count = 2500
    labels = torch.zeros(50, 50, dtype=torch.uint8)
    semantics = Semantics(
        labels, torch.arange(count), torch.zeros(count, dtype=torch.long), torch.ones(count)
    )
    xy = torch.stack((torch.arange(count) % 50, torch.arange(count) // 50), dim=1)
    peaks = Peaks(xy, torch.zeros(count, dtype=torch.long), torch.ones(count))
    groups = sized_groups(torch.arange(count), count)
    result = merge_segments(semantics, groups, peaks, _same_size(50, 50), 5, 3, 0)
    assert result.panoptic.flatten().tolist() == list(range(1000, 1000 * count + 1, 1000))
    assert (result.panoptic % 1000 == 0).all()


def test_a_large_mask_keeps_its_mean_probability():
    count = 1 << 21
    semantics = Semantics(
        torch.zeros(1024, 2048, dtype=torch.uint8),
        torch.arange(count),
        torch.zeros(count, dtype=torch.long),
        torch.full((count,), 0.3),
    )
    peaks = Peaks(torch.tensor([[0, 0]]), torch.tensor([0]), torch.tensor([1.0]))
    groups = sized_groups(torch.zeros(count, dtype=torch.long), 1)
    result = merge_segments(semantics, groups, peaks, _same_size(1024, 2048), 5, 3, 0)
    assert result.scores.item() == pytest.approx(0.3, rel=1e-6)
