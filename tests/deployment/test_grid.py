"""The batched grid against the one of single images, which is tested by itself."""

import pytest
import torch

from einet.deployment.grid import make_grid
from einet.functional.resize import BilinearCells, Shapes

from .maps import smooth_maps

SHAPES = [
    Shapes(padded=(48, 64), img=(41, 63), ori=(30, 77)),
    Shapes(padded=(48, 64), img=(48, 50), ori=(100, 51)),
    Shapes(padded=(48, 64), img=(17, 64), ori=(17, 64)),
]


@pytest.fixture(params=SHAPES, ids=str)
def shapes(request):
    return request.param


def _both(shapes, maps):
    cells = BilinearCells(tuple(maps.shape[-2:]), shapes, like=maps)
    sizes = torch.tensor(shapes.img), torch.tensor(shapes.ori)
    return cells, make_grid(maps.shape[-2:], shapes.padded, *sizes, like=maps)


def test_samples_are_those_of_single_images(shapes):
    maps = smooth_maps(0, 3, (12, 16))
    cells, grid = _both(shapes, maps)
    pixels = torch.arange(0, shapes.ori[0] * shapes.ori[1], 7)
    for image in range(2):
        flat = pixels + image * shapes.ori[0] * shapes.ori[1]
        table = maps[image].flatten(1).t().contiguous()
        torch.testing.assert_close(
            grid.sample(maps.permute(0, 2, 3, 1), flat), cells.sample(table, pixels)
        )


def test_cells_are_those_of_single_images(shapes):
    maps = smooth_maps(1, 3, (12, 16))
    cells, grid = _both(shapes, maps)
    labels = maps.argmax(dim=1)
    for image in range(2):
        assert torch.equal(grid.unanimous(labels)[image], cells.unanimous(labels[image]))
        assert torch.equal(grid.expand(labels)[image], cells.expand(labels[image]))
    rows, columns = shapes.valid_cells((12, 16))
    assert grid.valid.sum() == rows * columns
    assert grid.valid[:rows, :columns].all()


def test_pixels_are_split_into_image_row_and_column():
    shapes = Shapes(padded=(8, 8), img=(8, 8), ori=(3, 5))
    grid = _both(shapes, torch.zeros(2, 1, 2, 2))[1]
    image, row, column = grid.split(torch.tensor([0, 4, 5, 14, 15, 29]))
    assert image.tolist() == [0, 0, 0, 0, 1, 1]
    assert row.tolist() == [0, 0, 1, 2, 0, 2]
    assert column.tolist() == [0, 4, 0, 4, 0, 4]
