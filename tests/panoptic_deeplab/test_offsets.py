"""Offsets against hand values, grouping against the published description, done slowly."""

import math
import re
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck

from einet.functional.resize import BilinearCells, Shapes, resize_maps
from einet.panoptic_deeplab.offsets import (
    center_heatmap,
    group_by_offsets,
    offset_l1_loss,
    offset_targets,
)

from ..commands import run_command

# Three pixels of one image: offsets (x, y) and where they should point.
OFFSETS = torch.tensor([[[[1.0, -2.0, 5.0]], [[0.5, 3.0, 7.0]]]])
OFFSET_TARGET = torch.tensor([[[[0.0, 1.0, 0.0]], [[2.0, 2.0, 0.0]]]])
OFFSET_MASK = torch.tensor([[[[True, True, False]]]])


def test_center_heatmap_by_hand():
    # Each reaches ceil(3 * 0.4) = 2 cells: in the first row x = 0..3 and x = 3..6.
    heatmap = center_heatmap(torch.tensor([[1.7, 0.0], [5.0, 2.0]]), (4, 7), sigma=0.4)
    exponents = [1, 0, 1, 4, 4 + 1, 4, 4 + 1]  # squared distances; at x = 3 the first is nearer
    row = [math.exp(-squared / (2 * 0.4**2)) for squared in exponents]
    assert heatmap.shape == (1, 4, 7)
    assert heatmap[0, 0].tolist() == pytest.approx(row)
    assert (heatmap == 1).nonzero().tolist() == [[0, 0, 1], [0, 2, 5]]


def test_center_heatmap_is_one_channel_whatever_the_order():
    centers = torch.tensor([[3, 1], [4, 4], [11, 2], [-9, 0]])
    heatmap = center_heatmap(centers, (6, 9), sigma=2.0)
    assert heatmap.equal(center_heatmap(centers.flip(0), (6, 9), sigma=2.0))
    y, x = torch.meshgrid(torch.arange(6), torch.arange(9), indexing='ij')
    near = [
        (-((x - a) ** 2 + (y - b) ** 2) / 8).exp() * ((x - a).abs() <= 6) * ((y - b).abs() <= 6)
        for a, b in centers.tolist()
    ]
    torch.testing.assert_close(heatmap[0], torch.stack(near).amax(0))


def test_center_heatmap_without_instances():
    assert center_heatmap(torch.zeros(0, 2), (2, 3), sigma=2.0).tolist() == [[[0.0] * 3] * 2]


def test_targets_by_hand():
    # Cells of 4 x 2 pixels: middles at x = 1.5, 5.5, 9.5 and y = 0.5, 2.5.
    ids = torch.tensor([[0, -1, 1], [0, 0, -1]])
    centers = torch.tensor([[3.0, 1.25], [9.5, 0.5]])
    offsets = offset_targets(ids, centers, (4, 12))
    assert offsets[0].tolist() == [[1.5, 0.0, 0.0], [1.5, -2.5, 0.0]]
    assert offsets[1].tolist() == [[0.75, 0.0, 0.0], [-1.25, -1.25, 0.0]]
    assert offsets.dtype == torch.float32


def test_targets_without_instances():
    offsets = offset_targets(torch.full((2, 3), -1), torch.zeros(0, 2), (8, 12))
    assert offsets.tolist() == torch.zeros(2, 2, 3).tolist()


def test_targets_follow_a_permutation_of_the_instances():
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(-1, 5, (6, 9), generator=generator)
    centers = torch.rand(5, 2, generator=generator) * 30
    order = torch.tensor([3, 0, 4, 1, 2])
    renamed = torch.where(ids >= 0, order.argsort()[ids], -1)
    expected = offset_targets(ids, centers, (24, 36))
    assert offset_targets(renamed, centers[order], (24, 36)).equal(expected)


def test_true_offsets_lead_to_the_centers():
    ids = torch.tensor([[0, 0, 1, 1], [0, -1, -1, 1]])
    centers = torch.tensor([[2.0, 3.0], [12.0, 2.0]])
    shapes = Shapes((8, 16), (8, 16), (8, 16))
    cells = BilinearCells((2, 4), shapes, like=torch.zeros(()))
    groups = group_by_offsets(offset_targets(ids, centers, (8, 16)), centers, cells, _all((8, 16)))
    # The middle of a cell, and what surrounds it, is its instance's.
    assert groups.view(8, 16)[1:3, [1, 5, 9, 13]].tolist() == [[0, 0, 1, 1]] * 2
    assert groups.view(8, 16)[5:7, [1, 13]].tolist() == [[0, 1]] * 2


def test_offset_loss_sums_over_x_and_y_and_averages_over_pixels():
    expected = ((1 + 1.5) + (3 + 1)) / 2
    loss = offset_l1_loss(OFFSETS, OFFSET_TARGET, OFFSET_MASK)
    assert loss.item() == pytest.approx(expected)


def test_offset_loss_counts_pixels_of_the_batch_not_of_an_image():
    zeros = torch.zeros(1, 2, 1, 3)
    loss = offset_l1_loss(
        torch.cat([OFFSETS, OFFSETS]),
        torch.cat([OFFSET_TARGET, zeros]),
        torch.cat([OFFSET_MASK, torch.tensor([[[[False, False, True]]]])]),
    )
    assert loss.item() == pytest.approx((2.5 + 4 + 12) / 3)


def test_offset_loss_without_instances_is_zero_with_a_live_graph():
    offsets = OFFSETS.clone().requires_grad_()
    loss = offset_l1_loss(offsets, OFFSET_TARGET, torch.zeros_like(OFFSET_MASK))
    loss.backward()
    assert loss == 0
    assert offsets.grad.abs().sum() == 0


def test_offset_loss_gradient():
    offsets = OFFSETS.double().requires_grad_()
    assert gradcheck(lambda x: offset_l1_loss(x, OFFSET_TARGET.double(), OFFSET_MASK), (offsets,))


def _all(size):
    return torch.arange(math.prod(size))


def _group_slowly(offsets, centers, shapes):
    """Every pixel of the upsampled offsets, moved, one center after the other."""
    offsets = resize_maps(offsets, shapes)
    height, width = shapes.ori
    x = torch.arange(width, dtype=offsets.dtype) + offsets[0]
    y = torch.arange(height, dtype=offsets.dtype)[:, None] + offsets[1]
    groups = torch.full((height, width), -1)
    nearest = torch.full((height, width), float('inf'), dtype=offsets.dtype)
    for k, (center_x, center_y) in enumerate(centers.tolist()):
        distance = ((x - center_x) ** 2 + (y - center_y) ** 2).sqrt()
        closer = distance < nearest
        groups[closer] = k
        nearest[closer] = distance[closer]
    return groups


@given(
    size=st.tuples(st.integers(1, 8), st.integers(1, 8)),
    missing=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    ori=st.tuples(st.integers(1, 33), st.integers(1, 33)),
    num_instances=st.integers(0, 7),
    spread=st.sampled_from([0.5, 20.0]),
    seed=st.integers(0, 10_000),
)
def test_grouping_is_the_nearest_center_to_every_moved_pixel(
    size, missing, ori, num_instances, spread, seed
):
    generator = torch.Generator().manual_seed(seed)
    padded = tuple(4 * cells for cells in size)
    img = tuple(max(length - less, 1) for length, less in zip(padded, missing, strict=True))
    shapes = Shapes(padded, img, ori)
    offsets = spread * torch.randn(2, *size, generator=generator, dtype=torch.float64)
    centers = torch.rand(num_instances, 2, generator=generator, dtype=torch.float64) * 33
    cells = BilinearCells(size, shapes, like=offsets)
    pixels = _all(ori)[torch.rand(math.prod(ori), generator=generator) < 0.8]
    groups = group_by_offsets(offsets, centers, cells, pixels)
    assert groups.tolist() == _group_slowly(offsets, centers, shapes).flatten()[pixels].tolist()


def test_pixels_beyond_the_outermost_middles_keep_their_own_place():
    # Offsets 0: pixel 0 lies 1.5 pixels left of the first cell's middle, and is nearer to x = 0.
    cells = BilinearCells((1, 2), Shapes((4, 8), (4, 8), (4, 8)), like=torch.zeros(()))
    centers = torch.tensor([[1.5, 1.5], [0.0, 0.0], [7.0, 3.0]])
    groups = group_by_offsets(torch.zeros(2, 1, 2), centers, cells, _all((4, 8))).view(4, 8)
    assert groups[0, 0] == 1
    assert groups[1, 1] == 0
    assert groups[3, 7] == 2


def test_grouping_in_chunks_is_the_same(monkeypatch):
    generator = torch.Generator().manual_seed(1)
    offsets = 10 * torch.randn(2, 6, 7, generator=generator)
    centers = 30 * torch.rand(9, 2, generator=generator)
    cells = BilinearCells((6, 7), Shapes((24, 28), (24, 28), (30, 35)), like=offsets)
    whole = group_by_offsets(offsets, centers, cells, _all((30, 35)))
    monkeypatch.setattr('einet.functional.grouping._CHUNK', 20)
    assert group_by_offsets(offsets, centers, cells, _all((30, 35))).equal(whole)


def test_without_centers_nothing_is_grouped():
    cells = BilinearCells((2, 3), Shapes((8, 12), (8, 12), (8, 12)), like=torch.zeros(()))
    groups = group_by_offsets(torch.zeros(2, 2, 3), torch.zeros(0, 2), cells, torch.arange(5))
    assert groups.tolist() == [-1] * 5


MEMORY = """
import torch
from einet.panoptic_deeplab.offsets import group_by_offsets
from einet.functional.resize import BilinearCells, Shapes
from einet_tools.process_memory import memory
torch.set_num_threads(1)
size = (1024, 2048)
cells = BilinearCells((256, 512), Shapes(size, size, size), like=torch.zeros(()))
pixels = torch.arange(size[0] * size[1])
centers = torch.rand(300, 2) * torch.tensor([2048.0, 1024.0])
offsets = 40 * torch.randn(2, 256, 512)  # worse than any network: neighbors disagree
before = memory('VmHWM')
groups = group_by_offsets(offsets, centers, cells, pixels)
assert groups.unique().numel() == 300
print('added', (memory('VmHWM') - before) / 2**30)
"""


@pytest.mark.slow
def test_memory_is_bounded_at_full_size(tmp_path):
    output = run_command(sys.executable, '-c', MEMORY, cwd=tmp_path)
    # GiB; the groups are 0.008 or more, all distances at once 2.3.
    assert 0.008 <= float(re.search(r'^added (.+)$', output, re.MULTILINE)[1]) < 0.5
