"""Samples on the grid of the feature map; sizes differ in x and in y."""

import torch

from einet.models.coarse_maps import (
    batch_instances,
    cells_per_pixel,
    coarse_maps,
    instance_numbers,
    nearest,
    to_cells,
)

from .samples import make_sample


def _coarse_maps(sample, size):
    sem_seg = sample.gt_sem_seg.sem_seg.long()
    return coarse_maps(sem_seg, batch_instances([sample]), size)


def test_numbers_count_from_one_in_the_order_of_instances():
    sample = make_sample((2, 4), [(1, 0, 0, 1, 2), (0, 2, 1, 4, 2)])
    assert instance_numbers(sample).tolist() == [[1, 0, 0, 0], [1, 0, 2, 2]]
    assert sample.gt_instances.labels.tolist() == [1, 0]


def test_nearest_reads_the_middle_of_each_cell():
    maps = torch.arange(24).view(1, 4, 6)
    # Middles of 2 x 3 cells: rows 1 and 3, columns 1, 3 and 5.
    assert nearest(maps, (2, 3)).tolist() == [[[7, 9, 11], [19, 21, 23]]]
    # Cells of 4 / 3 by 6 / 4 pixels: rows 0, 2, 3 and columns 0, 2, 3, 5.
    expected = [[[0, 2, 3, 5], [12, 14, 15, 17], [18, 20, 21, 23]]]
    assert nearest(maps, (3, 4)).tolist() == expected


def test_cells_of_pixels():
    # Cells of 4 x 8 pixels (width x height).
    assert cells_per_pixel((16, 24), (2, 6)) == (0.25, 0.125)
    xy = torch.tensor([[0.0, 0.0], [3.0, 7.0], [4.0, 8.0], [23.0, 15.0], [40.0, 40.0]])
    assert to_cells(xy, (16, 24), (2, 6)).tolist() == [[0, 0], [0, 0], [1, 1], [5, 1], [5, 1]]


def test_the_cell_of_a_centroid_is_its_instances():
    # Cells of 4 x 8 pixels, read at (2, 4). Instance 1 holds no middle; its centroid (6, 9) does
    # not either, but the cell (1, 1) is its own.
    sample = make_sample((16, 24), [(0, 8, 0, 24, 8), (1, 5, 8, 8, 11)], void_rows=6)
    (labels,), (ids,) = _coarse_maps(sample, (2, 6))
    assert labels.tolist() == [[-1, -1, 0, 0, 0, 0], [2, 1, 2, 2, 2, 2]]
    assert ids.tolist() == [[-1, -1, 0, 0, 0, 0], [-1, 1, -1, -1, -1, -1]]


def test_the_smallest_of_several_instances_has_a_shared_cell():
    boxes = [(0, 0, 0, 4, 8), (1, 1, 1, 3, 3), (0, 0, 4, 1, 5)]
    sample = make_sample((8, 12), boxes)
    (labels,), (ids,) = _coarse_maps(sample, (1, 3))
    assert ids.tolist() == [[2, -1, -1]]
    assert labels.tolist() == [[0, 2, 2]]
