import math

import pytest
import torch

from einet.models.targets import build_targets
from einet.panoptic_deeplab.targets import build_center_targets

from ..models.samples import make_sample


def _targets(*samples, feature_size=(4, 6), **options):
    return build_center_targets(samples, feature_size, **options)


def test_maps_by_hand():
    sample = make_sample((16, 24), [(1, 4, 4, 12, 8), (0, 16, 0, 24, 12)], void_rows=3)
    targets = _targets(sample)
    # Centers of mass (7.5, 5.5) and (19.5, 5.5); middles of cells at 1.5, 5.5, 9.5, ...
    nan = math.nan
    x = [
        [nan, nan, nan, nan, 2.0, -2.0],
        [nan, 2.0, -2.0, nan, 2.0, -2.0],
        [nan, nan, nan, nan, 2.0, -2.0],
        [nan] * 6,
    ]
    y = [
        [nan, nan, nan, nan, 4.0, 4.0],
        [nan, 0.0, 0.0, nan, 0.0, 0.0],
        [nan, nan, nan, nan, -4.0, -4.0],
        [nan] * 6,
    ]
    expected = torch.tensor([x, y])
    assert targets.offset_mask[0, 0].tolist() == (~expected[0].isnan()).tolist()
    torch.testing.assert_close(targets.offsets[0], expected.nan_to_num(0.0))
    # Void of the first rows, where the middles of the first cells are.
    assert targets.heatmap_mask[0, 0].tolist() == [[False] * 4 + [True] * 2] + [[True] * 6] * 3
    # Sigma 8 pixels is 2 cells. Classes share the channel. The centers lie on the edge between two
    # cells, the right one counts: (2, 1) and (5, 1).
    assert targets.heatmap.shape == (1, 1, 4, 6)
    assert (targets.heatmap == 1).nonzero()[:, 2:].tolist() == [[1, 2], [1, 5]]
    squared = [[(i - 1) ** 2 + min((j - 2) ** 2, (j - 5) ** 2) for j in range(6)] for i in range(4)]
    torch.testing.assert_close(targets.heatmap[0, 0], (-torch.tensor(squared) / 8).exp())


def test_sigma_is_in_pixels_of_the_input():
    sample = make_sample((32, 48), [(0, 21, 13, 28, 20)])
    row = _targets(sample, feature_size=(8, 12), sigma=4.0).heatmap[0, 0, 4]
    # The center (24, 16) lies in cell (6, 4); sigma is one cell, the reach 3.
    expected = [0.0] * 3 + [math.exp(-(x**2) / 2) for x in range(-3, 4)] + [0.0] * 2
    assert row.tolist() == pytest.approx(expected)


def test_the_center_is_of_mass_also_outside_the_instance():
    # An angle, the rest of a square hidden by another instance.
    sample = make_sample((16, 16), [(0, 0, 0, 16, 16), (1, 4, 4, 16, 16)])
    targets = _targets(sample, feature_size=(4, 4))
    pixels = [(x, y) for y in range(16) for x in range(16) if x < 4 or y < 4]
    center = [sum(values) / len(pixels) for values in zip(*pixels, strict=True)]
    assert center[0] > 4
    expected = [center[0] - 1.5, center[1] - 1.5]
    assert targets.offsets[0, :, 0, 0].tolist() == pytest.approx(expected)
    cell = int((center[0] + 0.5) // 4)
    assert targets.heatmap[0, 0, cell, cell] == 1


def test_permuted_instances_give_the_same_targets():
    sample = make_sample((16, 24), [(1, 4, 4, 12, 8), (0, 16, 0, 24, 12), (1, 9, 13, 10, 14)])
    swapped = make_sample((16, 24), [(1, 9, 13, 10, 14), (0, 16, 0, 24, 12), (1, 4, 4, 12, 8)])
    for one, other in zip(
        vars(_targets(sample)).values(), vars(_targets(swapped)).values(), strict=True
    ):
        assert one.equal(other)


def test_one_pixel_instances_have_a_cell():
    targets = _targets(make_sample((16, 24), [(0, 0, 0, 12, 12), (1, 9, 5, 10, 6)]))
    # Cell (2, 1) has its middle at (9.5, 5.5), the small one's center is (9, 5).
    assert targets.offsets[0, :, 1, 2].tolist() == [-0.5, -0.5]
    assert targets.offset_mask[0, 0, :3, :3].all()
    assert (targets.heatmap == 1).sum() == 2


def test_images_without_things_or_labels():
    targets = _targets(
        make_sample((16, 24), []),
        make_sample((16, 24), [], void_rows=16),
        make_sample((16, 24), [(0, 4, 4, 12, 8)]),
    )
    assert targets.offset_mask.flatten(1).any(dim=1).tolist() == [False, False, True]
    assert targets.heatmap_mask.flatten(1).any(dim=1).tolist() == [True, False, True]
    assert targets.heatmap[:2].sum() == targets.offsets[:2].abs().sum() == 0


def test_semantic_targets_are_einets():
    samples = [make_sample((16, 24), [(1, 4, 4, 12, 8), (0, 16, 0, 24, 12)], void_rows=3)]
    options = dict(small_instance_area=33, small_instance_weight=5.0)
    ours = _targets(*samples, **options)
    einets = build_targets(samples, (4, 6), num_things_classes=2, num_classes=3, **options)
    assert ours.sem_seg.equal(einets.sem_seg)
    assert ours.pixel_weights.equal(einets.pixel_weights)
    assert ours.pixel_weights.unique().tolist() == [1.0, 5.0]
    assert ours.heatmap_mask.equal(einets.heatmap_mask)


def test_odd_sizes():
    targets = _targets(make_sample((17, 33), [(0, 3, 2, 30, 15)]), feature_size=(5, 9))
    x, y = targets.offsets[0]
    # Cells are 33 / 9 pixels wide and 17 / 5 high; the center is (16, 8), in the middle of both.
    assert x[2, 4].abs() < 1e-5
    assert y[2, 4].abs() < 1e-5
    torch.testing.assert_close(x[2, 2], torch.tensor(2 * 33 / 9))
    torch.testing.assert_close(y[1, 4], torch.tensor(17 / 5))
