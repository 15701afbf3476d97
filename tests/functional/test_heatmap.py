import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from einet.functional.heatmap import (
    centroid_heatmap,
    find_peaks,
    gaussian_radius,
)


def test_radius_by_hand():
    # 10 high, 20 wide, IoU 0.5: roots of r^2 - 30 r + 200/3, 4 r^2 - 60 r + 100,
    # 2 r^2 + 30 r - 100.
    one_in = (30 - math.sqrt(900 - 800 / 3)) / 2  # 2.417
    both_in = (60 - math.sqrt(3600 - 1600)) / 8  # 1.910
    both_out = (-30 + math.sqrt(900 + 800)) / 4  # 2.808
    radius = gaussian_radius(torch.tensor([10.0]), torch.tensor([20.0]), min_overlap=0.5)
    assert radius.item() == pytest.approx(min(one_in, both_in, both_out))


@pytest.mark.parametrize('min_overlap', [0.1, 0.3, 0.7, 0.95])
def test_radius_is_mmdets(min_overlap):
    from mmdet.models.utils import gaussian_radius as reference

    heights, widths = torch.rand(2, 200, dtype=torch.float64) * 300
    expected = [
        reference(size, min_overlap) for size in zip(heights.tolist(), widths.tolist(), strict=True)
    ]
    assert gaussian_radius(heights, widths, min_overlap).tolist() == pytest.approx(expected)


def test_radius_of_nothing():
    assert gaussian_radius(torch.zeros(0), torch.zeros(0)).shape == (0,)
    assert gaussian_radius(torch.zeros(1), torch.tensor([5.0])).tolist() == [0]


def test_gaussian_by_hand():
    # 14 x 14 gives radius 1 (both corners in: (28 - sqrt(28^2 - 4 * 0.3 * 14^2)) / 4 = 1.14).
    heatmap = centroid_heatmap(
        torch.tensor([[4, 1]]), torch.tensor([1]), torch.tensor([[14.0, 14.0]]), 2, (4, 7)
    )
    near, diagonal = math.exp(-2), math.exp(-4)  # sigma = 3 / 6
    expected = torch.zeros(2, 4, 7)
    expected[1, 0:3, 3:6] = torch.tensor(
        [[diagonal, near, diagonal], [near, 1, near], [diagonal, near, diagonal]]
    )
    torch.testing.assert_close(heatmap, expected)


def test_small_instance_is_one_cell():
    heatmap = centroid_heatmap(
        torch.tensor([[2.9, 0.5]]), torch.tensor([0]), torch.tensor([[1.0, 1.0]]), 1, (3, 4)
    )
    assert heatmap.nonzero().tolist() == [[0, 0, 2]]
    assert heatmap.max() == 1


def test_no_instances():
    heatmap = centroid_heatmap(
        torch.zeros(0, 2), torch.zeros(0, dtype=torch.long), torch.zeros(0, 2), 3, (4, 5)
    )
    assert heatmap.shape == (3, 4, 5)
    assert not heatmap.any()


def test_window_outside_the_map_is_clipped():
    # Radius 8 (100 x 0.0817), center in the corner and beyond it: no wrap to other rows.
    for center in ([0, 0], [-3, -3], [-20, 2]):
        heatmap = centroid_heatmap(
            torch.tensor([center]), torch.tensor([0]), torch.full((1, 2), 100.0), 1, (6, 5)
        )
        expected = _draw([center], [0], [8], 1, (6, 5))
        torch.testing.assert_close(heatmap, expected)


@pytest.mark.parametrize('cells_per_chunk', [7, 1 << 21])
def test_heatmap_is_the_maximum_of_a_loop(cells_per_chunk, monkeypatch):
    monkeypatch.setattr('einet.functional.heatmap._CELLS_PER_CHUNK', cells_per_chunk)
    generator = torch.Generator().manual_seed(3)
    size, num_classes = (19, 31), 3
    xy = torch.stack([torch.randint(0, n, (40,), generator=generator) for n in (31, 19)], dim=1)
    labels = torch.randint(0, num_classes, (40,), generator=generator)
    sizes = torch.rand(40, 2, generator=generator) * torch.tensor([60.0, 40.0])
    radii = gaussian_radius(sizes[:, 1], sizes[:, 0]).floor().int().tolist()
    heatmap = centroid_heatmap(xy, labels, sizes, num_classes, size)
    torch.testing.assert_close(heatmap, _draw(xy.tolist(), labels.tolist(), radii, 3, size))
    assert (heatmap[labels, xy[:, 1], xy[:, 0]] == 1).all()


def _draw(centers, labels, radii, num_classes, size):
    heatmap = torch.zeros(num_classes, *size)
    for (cx, cy), label, radius in zip(centers, labels, radii, strict=True):
        sigma = (2 * radius + 1) / 6
        for y in range(max(cy - radius, 0), min(cy + radius + 1, size[0])):
            for x in range(max(cx - radius, 0), min(cx + radius + 1, size[1])):
                value = math.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * sigma**2))
                heatmap[label, y, x] = max(heatmap[label, y, x].item(), value)
    return heatmap


def test_peaks_by_hand():
    heatmap = torch.zeros(2, 5, 9)
    heatmap[1, 0, 0], heatmap[1, 4, 8], heatmap[0, 2, 3] = 0.6, 0.9, 0.4
    heatmap[1, 0, 1], heatmap[0, 4, 3], heatmap[0, 0, 8] = 0.5, 0.35, 0.3
    peaks = find_peaks(heatmap, kernel_size=3)
    # (1, 0) loses to its neighbor; 0.3 does not exceed the threshold.
    assert peaks.xy.tolist() == [[3, 2], [3, 4], [8, 4], [0, 0]]
    assert peaks.labels.tolist() == [0, 0, 1, 1]
    assert peaks.scores.tolist() == pytest.approx([0.4, 0.35, 0.9, 0.6])


@pytest.mark.parametrize(('distance', 'found'), [(4, 1), (5, 2)])
def test_even_window_reaches_further_right(distance, found):
    # Kernel 8: three cells to the left, four to the right.
    right_is_larger, left_is_larger = torch.zeros(2, 1, 1, 20)
    right_is_larger[0, 0, 5], right_is_larger[0, 0, 5 + distance] = 0.5, 0.8
    left_is_larger[0, 0, 5], left_is_larger[0, 0, 4 + distance] = 0.8, 0.5
    assert len(find_peaks(right_is_larger, kernel_size=8).labels) == found
    assert len(find_peaks(left_is_larger, kernel_size=8).labels) == found


def test_plateau_is_one_peak():
    logits = torch.full((1, 12, 12), -5.0)
    logits[0, 3:7, 2:6] = 40.0
    assert find_peaks(logits.sigmoid()).xy.tolist() == [[2, 3]]
    # Where the sigmoid is saturated the logits still tell the center.
    logits[0, 4, 5] = 41.0
    assert logits.sigmoid()[0, 4, 5] == logits.sigmoid()[0, 3, 2]
    peaks = find_peaks(logits.sigmoid(), ranking=logits)
    assert peaks.xy.tolist() == [[5, 4]]
    assert peaks.scores.tolist() == [1]
    assert find_peaks(torch.ones(2, 7, 5), kernel_size=3).xy.tolist() == [[0, 0], [0, 0]]


def test_top_k_comes_before_the_semantic_labels():
    heatmap = torch.zeros(2, 1, 40)
    heatmap[1, 0, ::10] = torch.tensor([0.5, 0.9, 0.6, 0.8])
    labels = torch.ones(1, 40, dtype=torch.long)
    labels[0, 10] = 0
    assert find_peaks(heatmap, top_k=3).xy[:, 0].tolist() == [10, 30, 20]
    assert find_peaks(heatmap, top_k=3, labels=labels).xy[:, 0].tolist() == [30, 20]


def test_padding_does_not_count():
    heatmap = torch.zeros(1, 4, 6)
    heatmap[0, 1, 3], heatmap[0, 1, 4] = 0.5, 0.9
    assert find_peaks(heatmap).xy.tolist() == [[4, 1]]
    assert find_peaks(heatmap, valid=(4, 4)).xy.tolist() == [[3, 1]]
    assert find_peaks(heatmap, valid=(1, 6)).xy.shape == (0, 2)


def test_no_peaks():
    for heatmap in (torch.zeros(3, 4, 5), torch.zeros(0, 4, 5)):
        peaks = find_peaks(heatmap)
        assert peaks.xy.shape == (0, 2)
        assert peaks.labels.shape == peaks.scores.shape == (0,)


@given(st.integers(1, 9), st.integers(1, 12), st.integers(1, 9), st.integers(0, 1000))
def test_peaks_are_those_of_a_loop(height, width, kernel_size, seed):
    # Few distinct values, so that ties are common.
    generator = torch.Generator().manual_seed(seed)
    heatmap = torch.randint(0, 6, (2, height, width), generator=generator) / 5
    expected = []
    before, after = (kernel_size - 1) // 2, kernel_size // 2
    for label, y, x in (heatmap > 0.3).nonzero().tolist():
        rows = range(max(y - before, 0), min(y + after + 1, height))
        columns = range(max(x - before, 0), min(x + after + 1, width))
        window = [(row, column) for row in rows for column in columns]
        if max(window, key=lambda cell: heatmap[label, *cell].item()) == (y, x):
            expected.append((label, -heatmap[label, y, x].item(), y, x))
    expected.sort()
    peaks = find_peaks(heatmap, kernel_size, top_k=height * width)
    assert peaks.labels.tolist() == [label for label, *_ in expected]
    assert peaks.scores.tolist() == [-score for _, score, *_ in expected]
    assert peaks.xy.tolist() == [[x, y] for *_, y, x in expected]


@pytest.mark.parametrize('chunk', [1, 7])
def test_chunks_do_not_change_the_heatmap(chunk, monkeypatch):
    drawing = dict(
        centroids_xy=torch.tensor([[1, 2], [5, 0], [6, 3]]),
        labels=torch.tensor([1, 0, 1]),
        sizes_wh=torch.tensor([[14, 20], [30, 9], [8, 8]]),
        num_classes=2,
        size=(4, 8),
    )
    expected = centroid_heatmap(**drawing)
    monkeypatch.setattr('einet.functional.heatmap._CELLS_PER_CHUNK', chunk)
    assert centroid_heatmap(**drawing).equal(expected)


def test_a_center_just_outside_is_not_drawn_at_the_border():
    drawing = dict(labels=torch.tensor([0]), sizes_wh=torch.tensor([[1, 1]]))
    drawing.update(num_classes=1, size=(2, 2))
    assert not centroid_heatmap(torch.tensor([[-0.5, 0.0]]), **drawing).any()
    assert centroid_heatmap(torch.tensor([[0.5, 1.9]]), **drawing).tolist() == [[[0, 0], [1, 0]]]


def test_peaks_of_a_channel_at_a_time(monkeypatch):
    heatmap = torch.rand(3, 6, 7, generator=torch.Generator().manual_seed(0))
    expected = find_peaks(heatmap, kernel_size=3)
    monkeypatch.setattr('einet.functional.heatmap._COMPARED', 2 * 6 * 7)
    for found, values in zip(find_peaks(heatmap, kernel_size=3), expected, strict=True):
        assert found.equal(values)


def test_padding_is_lower_than_any_logit():
    logits = torch.tensor([[[-2.0, -3.0], [-3.0, -4.0]]])
    peaks = find_peaks(logits.sigmoid(), kernel_size=3, threshold=0.1, ranking=logits)
    assert peaks.xy.tolist() == [[0, 0]]
