import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from einet.functional.resize import BilinearCells, Shapes, resize_maps, sample_axis

PADDED = Shapes(padded=(20, 28), img=(17, 22), ori=(34, 13))


def _random_maps(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def _by_hand(maps, shapes):
    """Pixel by pixel, each axis by itself."""
    axes = []
    for axis, size in enumerate(maps.shape[1:]):
        step = shapes.img[axis] / shapes.ori[axis] * size / shapes.padded[axis]
        axis_weights = torch.zeros(shapes.ori[axis], size, dtype=maps.dtype)
        for pixel in range(shapes.ori[axis]):
            source = min(max((pixel + 0.5) * step - 0.5, 0), size - 1)
            low = int(source)
            axis_weights[pixel, low] += 1 - (source - low)
            axis_weights[pixel, min(low + 1, size - 1)] += source - low
        axes.append(axis_weights)
    return axes[0] @ maps @ axes[1].t()


def test_values_by_hand():
    # Two cells for 4 pixels, of which the image is 3, shown at 6 pixels: step 3/6 * 2/4 = 0.25;
    # sources -0.375, -0.125, 0.125, 0.375, 0.625, 0.875.
    shapes = Shapes(padded=(4, 4), img=(4, 3), ori=(1, 6))
    maps = torch.tensor([[[0.0, 8.0], [0.0, 8.0]]])
    assert resize_maps(maps, shapes).tolist() == [[[0, 0, 1, 3, 5, 7]]]


def test_without_padding_it_is_torchs_interpolation():
    maps = _random_maps(3, 7, 9)
    for size in ((28, 36), (26, 31), (7, 9), (5, 40), (1, 1)):
        shapes = Shapes(padded=(26, 35), img=(26, 35), ori=size)
        expected = F.interpolate(maps[None], size=size, mode='bilinear')[0]
        torch.testing.assert_close(resize_maps(maps, shapes), expected)


def test_padding_is_cropped_before_the_step_is_chosen():
    # As long as the image keeps its size, it is a crop of the whole input's interpolation.
    maps = _random_maps(2, 5, 7)
    whole = F.interpolate(maps[None], size=(20, 28), mode='bilinear')[0]
    shapes = Shapes(padded=(20, 28), img=(17, 22), ori=(17, 22))
    torch.testing.assert_close(resize_maps(maps, shapes), whole[:, :17, :22])


@given(
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.tuples(st.integers(0, 3), st.integers(0, 3)),
    st.tuples(st.integers(0, 6), st.integers(0, 6)),
    st.tuples(st.integers(1, 30), st.integers(1, 30)),
)
def test_maps_and_pixels_agree_with_a_loop(size, missing, padding, ori):
    padded = tuple(4 * cells - less for cells, less in zip(size, missing, strict=True))
    img = tuple(max(pixels - less, 1) for pixels, less in zip(padded, padding, strict=True))
    shapes = Shapes(padded, img, ori)
    maps = _random_maps(2, *size)
    expected = _by_hand(maps, shapes)
    torch.testing.assert_close(resize_maps(maps, shapes), expected)
    cells = BilinearCells(size, shapes, like=maps)
    sampled = cells.sample(maps.flatten(1).t().contiguous(), torch.arange(ori[0] * ori[1]))
    torch.testing.assert_close(sampled.t().view(2, *ori), expected)


def test_the_same_size_is_not_taken_for_a_copy():
    # torch's own bilinear copies when output and input size agree, even with another scale given.
    shapes = Shapes(padded=(20, 20), img=(16, 16), ori=(5, 5))
    maps = _random_maps(1, 5, 5)
    torch.testing.assert_close(resize_maps(maps, shapes), _by_hand(maps, shapes))
    assert not torch.allclose(resize_maps(maps, shapes), maps)


def test_cells_name_the_corners_that_are_read():
    cells = BilinearCells((5, 7), PADDED, like=torch.zeros(()))
    values = torch.arange(35).view(5, 7)
    expanded = cells.expand(values)
    assert expanded.shape == (34, 13)
    assert expanded.flatten().tolist() == cells.cell_of(torch.arange(34 * 13)).tolist()
    # Row 20: (20.5 * 17/34 * 5/20) - 0.5 = 2.06; column 9: (9.5 * 22/13 * 7/28) - 0.5 = 3.52.
    assert expanded[20, 9] == 2 * 7 + 3


def test_unanimous_by_hand():
    cells = BilinearCells((3, 4), Shapes((12, 16), (12, 16), (12, 16)), like=torch.zeros(()))
    values = torch.tensor([[1, 1, 1, 2], [1, 1, 1, 2], [3, 1, 1, 2]])
    # The last row and column have no further neighbor.
    expected = [[True, True, False, True], [False, True, False, True], [False, True, False, True]]
    assert cells.unanimous(values).tolist() == expected


def test_points_go_back_to_the_image():
    cells = BilinearCells((5, 7), PADDED, like=torch.zeros(()))
    points = cells.to_image(torch.tensor([[2, 3], [0, 0], [5, 4]]))
    # (2.5 / (22/13 * 7/28)) - 0.5 and (3.5 / (17/34 * 5/20)) - 0.5; the last one is clamped.
    expected = [[2.5 * 13 / 22 * 4 - 0.5, 27.5], [0.5 * 26 / 11 - 0.5, 3.5], [12.0, 33.0]]
    assert points.flatten().tolist() == pytest.approx([x for point in expected for x in point])


def test_valid_cells_round_up():
    assert PADDED.valid_cells((5, 7)) == (5, 6)
    assert Shapes((20, 28), (16, 20), (1, 1)).valid_cells((5, 7)) == (4, 5)
    assert Shapes((97, 131), (97, 131), (1, 1)).valid_cells((25, 33)) == (25, 33)


def test_half_precision_and_one_pixel():
    maps = torch.randn(2, 1, 1).bfloat16()
    resized = resize_maps(maps, Shapes((1, 1), (1, 1), (1, 1)))
    assert resized.dtype == torch.bfloat16
    assert resized.equal(maps)


def test_a_part_of_the_samples():
    samples = sample_axis(torch.tensor([0.25, 1.5, 2.0]).double(), 3, like=torch.zeros(()))
    part = samples.part(slice(1, 3))
    assert part.low.tolist() == [1, 2]
    assert part.high.tolist() == [2, 2]
    assert part.weight.tolist() == [0.5, 0]
