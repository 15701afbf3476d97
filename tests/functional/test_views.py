import weakref

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from einet.functional.grouping import score_maps
from einet.functional.resize import Shapes
from einet.functional.steps import finish
from einet.functional.views import Grid, View, merge_views, read_at

ORI = (23, 31)


def _read_slowly(maps, shapes, flips, grid):
    """Point by point, each axis by itself: where it is in the image, then in the view."""
    weights = []
    for axis in (0, 1):
        size = maps.shape[axis + 1]
        matrix = torch.zeros(grid.size[axis], size, dtype=maps.dtype)
        for cell in range(grid.size[axis]):
            in_input = (cell + 0.5) * grid.shapes.padded[axis] / grid.size[axis]
            in_image = in_input / grid.shapes.img[axis]  # 0 .. 1
            if flips[axis]:
                in_image = 1 - in_image
            source = in_image * shapes.img[axis] / shapes.padded[axis] * size - 0.5
            source = min(max(source, 0), size - 1)
            low = int(source)
            matrix[cell, low] += 1 - (source - low)
            matrix[cell, min(low + 1, size - 1)] += source - low
        weights.append(matrix)
    return weights[0] @ maps @ weights[1].t()


def test_a_view_of_twice_the_size_by_hand():
    # Cell 0 lies between the view's columns 0 and 1, cell 1 between 2 and 3.
    maps = torch.tensor([[[0.0, 2.0, 4.0, 10.0], [1.0, 3.0, 5.0, 11.0]]])
    view = Shapes((8, 16), (8, 16), ORI)
    grid = Grid((1, 2), Shapes((4, 8), (4, 8), ORI))
    assert read_at(maps, view, (False, False), grid).tolist() == [[[1.5, 7.5]]]
    assert read_at(maps, view, (False, True), grid).tolist() == [[[7.5, 1.5]]]


def test_a_flipped_view_is_flipped_within_the_image_not_the_padding():
    # The cell's center is at 2 of 3 pixels; mirrored at 1 of 3, which is 2 of the view's 6.
    maps = torch.tensor([[[0.0, 8.0]]])
    view = Shapes((4, 8), (4, 6), ORI)
    grid = Grid((1, 1), Shapes((4, 4), (4, 3), ORI))
    assert read_at(maps, view, (False, False), grid).item() == 4
    assert read_at(maps, view, (False, True), grid).item() == 0


def test_nothing_is_copied_where_nothing_moves():
    maps = torch.randn(3, 5, 7)
    shapes = Shapes((20, 28), (17, 22), ORI)
    same = read_at(maps, shapes, (False, False), Grid((5, 7), shapes), slice(1, 3))
    assert same.data_ptr() == maps[:, 1:3].data_ptr()
    assert same.equal(maps[:, 1:3])


@pytest.mark.parametrize('flips', [(False, True), (True, False), (True, True)])
def test_flips_of_whole_cells_are_exact(flips):
    maps = torch.randn(3, 5, 7)
    shapes = Shapes((20, 32), (20, 28), ORI)  # the last column is padding
    read = read_at(torch.cat((maps, maps[..., :1]), 2), shapes, flips, Grid((5, 8), shapes))
    dims = [axis + 1 for axis in (0, 1) if flips[axis]]
    assert read[..., :7].equal(maps.flip(dims))


SIZES = st.tuples(st.integers(1, 9), st.integers(1, 9))
GEOMETRY = st.tuples(
    SIZES,  # of the map
    st.tuples(st.integers(0, 3), st.integers(0, 3)),  # padded input is less than 4 times that
    st.tuples(st.integers(0, 6), st.integers(0, 6)),  # padding
    st.tuples(st.booleans(), st.booleans()),
)


def _view(geometry, seed):
    size, missing, padding, flips = geometry
    padded = tuple(4 * cells - less for cells, less in zip(size, missing, strict=True))
    img = tuple(max(pixels - less, 1) for pixels, less in zip(padded, padding, strict=True))
    generator = torch.Generator().manual_seed(seed)
    maps = (torch.randn(n, *size, generator=generator, dtype=torch.float64) for n in (4, 2, 3))
    return View(*maps, Shapes(padded, img, ORI), flips)


@settings(max_examples=40)
@given(st.lists(GEOMETRY, min_size=2, max_size=4), st.integers(0, 1000))
def test_merging_agrees_with_means_point_by_point(geometries, seed):
    views = [_view(geometry, seed + i) for i, geometry in enumerate(geometries)]
    merged = merge_views(iter(views), len(views))
    grid = Grid(tuple(views[0].heatmap_logits.shape[1:]), views[0].shapes)
    assert merged.shapes == grid.shapes

    def mean(name, activation, grid):
        read = (_read_slowly(getattr(view, name), view.shapes, view.flips, grid) for view in views)
        return torch.stack([activation(maps) for maps in read]).mean(dim=0)

    semantics = ('semantic_logits', lambda maps: maps.softmax(dim=0))
    probabilities = mean(*semantics, grid)
    assert merged.cell_labels.equal(probabilities.argmax(dim=0))
    torch.testing.assert_close(merged.semantic_logits, probabilities.log())
    best, labels = mean(*semantics, Grid(ORI, Shapes(ORI, ORI, ORI))).max(dim=0)
    decided = finish(merged.decide())
    assert decided.labels.equal(labels.byte())
    things = decided.thing_pixels
    assert things.tolist() == (labels.flatten() < 2).nonzero().flatten().tolist()
    torch.testing.assert_close(decided.thing_probabilities, best.flatten()[things])
    heatmap = mean('heatmap_logits', torch.sigmoid, grid)
    torch.testing.assert_close(merged.heatmap_logits.sigmoid(), heatmap)
    for ours, view in zip(merged.embeddings, views, strict=True):
        slow = _read_slowly(view.instance_embedding, view.shapes, view.flips, grid)
        torch.testing.assert_close(ours, slow)


def test_equal_views_are_one_view():
    view = _view(((5, 7), (1, 0), (2, 3), (False, False)), 0)
    ours, alone = merge_views([view, view], 2), merge_views([view], 1)
    for values, others in zip(finish(ours.decide()), finish(alone.decide()), strict=True):
        torch.testing.assert_close(values, others)
    assert ours.cell_labels.equal(alone.cell_labels)
    torch.testing.assert_close(ours.heatmap_logits, alone.heatmap_logits)


def test_an_impossible_class_has_a_finite_logarithm():
    shapes = Shapes((4, 8), (4, 8), ORI)
    logits = torch.tensor([300.0, 0.0])[:, None, None].expand(2, 1, 2)
    view = View(logits, torch.zeros(1, 1, 2), torch.zeros(3, 1, 2), shapes)
    merged = merge_views([view, view], 2)
    assert merged.semantic_logits[0].tolist() == [[0, 0]]
    assert merged.semantic_logits[1].isfinite().all()
    assert merged.semantic_logits[1].max() < -80


def test_score_maps_are_those_of_all_embeddings_side_by_side():
    views = [
        _view(((5, 7), (0, 0), (0, 0), (False, False)), 0),
        _view(((8, 9), (1, 2), (3, 0), (True, False)), 1),
        _view(((3, 4), (0, 0), (0, 2), (False, True)), 2),
    ]
    merged = merge_views(views, len(views))
    xy = torch.tensor([[6, 0], [1, 4], [3, 3]])
    together = torch.cat(merged.embeddings)
    assert together.shape == (9, 5, 7)
    centroids = together[:, xy[:, 1], xy[:, 0]].t()
    torch.testing.assert_close(merged.score_maps(xy), score_maps(together, centroids))
    distances = (together[None] - centroids[..., None, None]).norm(dim=1)
    assert merged.score_maps(xy).argmax(dim=0).equal(distances.argmin(dim=0))
    # A peak's own cell is nearest to it in every view at once.
    assert merged.score_maps(xy).argmax(dim=0)[xy[:, 1], xy[:, 0]].tolist() == [0, 1, 2]
    assert merged.score_maps(xy[:0]).shape == (0, 5, 7)


def test_the_probability_of_a_label_is_its_mean_over_the_views():
    views = [
        _view(((5, 7), (1, 0), (2, 3), (False, False)), 0),
        _view(((8, 9), (1, 2), (3, 0), (True, False)), 1),
    ]
    pixels, labels = torch.tensor([0, 17, 200, 23 * 31 - 1]), torch.tensor([2, 0, 1, 0])
    whole = Grid(ORI, Shapes(ORI, ORI, ORI))
    slow = torch.stack(
        [_read_slowly(v.semantic_logits, v.shapes, v.flips, whole).softmax(dim=0) for v in views]
    ).mean(dim=0)
    merged = merge_views(views, len(views))
    torch.testing.assert_close(merged.probability(pixels, labels), slow.flatten(1)[labels, pixels])


def test_one_view_keeps_its_maps():
    view = _view(((5, 7), (1, 0), (2, 3), (False, False)), 0)
    merged = merge_views([view], 1)
    assert merged.cell_labels.equal(view.semantic_logits.argmax(dim=0))
    assert merged.heatmap_logits.data_ptr() == view.heatmap_logits.data_ptr()
    assert merged.embeddings[0].data_ptr() == view.instance_embedding.data_ptr()


def test_certain_views_stay_finite():
    logits = torch.tensor([300.0, -300.0, 0.0]).view(3, 1, 1)
    heatmap = torch.tensor([300.0, -300.0]).view(2, 1, 1)
    shapes = Shapes((4, 4), (4, 4), (4, 4))
    view = View(logits, heatmap, torch.ones(1, 1, 1), shapes)
    merged = merge_views([view, view], 2)
    assert merged.heatmap_logits.isfinite().all()
    assert finish(merged.decide()).thing_probabilities.tolist() == pytest.approx([1] * 16)
    assert merged.heatmap_logits.sigmoid().flatten().tolist() == pytest.approx([1, 0], abs=1e-6)


@pytest.mark.parametrize('chunk', [1, 100])
def test_bands_do_not_change_the_result(chunk, monkeypatch):
    views = [_view(((5, 7), (0, 0), (0, 0), (False, flip)), int(flip)) for flip in (False, True)]
    expected = merge_views(views, 2)
    monkeypatch.setattr('einet.functional.views._CHUNK', chunk)
    merged = merge_views(views, 2)
    for values, others in zip(finish(merged.decide()), finish(expected.decide()), strict=True):
        torch.testing.assert_close(values, others)
    torch.testing.assert_close(merged.heatmap_logits, expected.heatmap_logits)


def test_views_stay_as_they_are():
    views = [_view(((5, 7), (0, 0), (0, 0), (False, flip)), int(flip)) for flip in (False, True)]
    copies = [[values.clone() for values in view[:3]] for view in views]
    merged = merge_views(views, len(views))
    merged.score_maps(torch.tensor([[0, 0]]))
    for view, copy in zip(views, copies, strict=True):
        assert all(values.equal(other) for values, other in zip(view[:3], copy, strict=True))


def test_a_view_is_let_go_before_the_next_is_made():
    alive = []

    def views():
        for _ in range(3):
            view = _view(((5, 7), (0, 0), (0, 0), (True, False)), 0)
            alive.append(weakref.ref(view.semantic_logits))
            yield view
            del view
            assert all(reference() is None for reference in alive)

    merge_views(views(), 3)
