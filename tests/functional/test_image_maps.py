"""One image's maps: which semantics they get, and nearness to peaks in one or more embeddings."""

import pytest
import torch

from einet.functional.grouping import group_pixels
from einet.functional.image_maps import ImageMaps, image_maps
from einet.functional.resize import Shapes, resize_maps
from einet.functional.steps import finish

SHAPES = Shapes((12, 20), (11, 20), (23, 17))


def _maps():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(n, 3, 5, generator=generator) for n in (4, 2, 6)]


def test_semantics_are_those_of_the_upsampled_logits():
    logits, heatmap, embedding = _maps()
    maps = image_maps(logits, heatmap, embedding, SHAPES)
    labels = resize_maps(logits, SHAPES).argmax(dim=0)
    semantics = finish(maps.decide())
    assert semantics.labels.equal(labels.byte())
    # The heatmap has a channel per thing class: labels 0 and 1.
    assert semantics.thing_labels.unique().tolist() == [0, 1]
    pixels, chosen = torch.tensor([0, 40, 300]), torch.tensor([3, 1, 0])
    softmax = resize_maps(logits, SHAPES).softmax(dim=0).flatten(1)
    torch.testing.assert_close(maps.probability(pixels, chosen), softmax[chosen, pixels])
    assert maps.cell_labels.equal(logits.argmax(dim=0))
    assert maps.heatmap_logits is heatmap
    assert maps.embeddings == [embedding]
    assert maps.cells.map_shape == (3, 5)
    assert maps.cells.ori_shape == (23, 17)


def test_nearness_by_hand():
    # Cells of one row, in two embeddings of 1 and 2 channels.
    first = torch.tensor([[[0.0, 1.0, 4.0]]])
    second = torch.tensor([[[0.0, 3.0, 0.0]], [[0.0, 0.0, 1.0]]])
    empty = torch.zeros(1, 3, dtype=torch.long)
    none = empty[None].float()
    maps = ImageMaps(None, None, empty, none, none, [first, second], Shapes(*[(4, 12)] * 3))
    xy = torch.tensor([[0, 0], [2, 0]])
    scores = maps.score_maps(xy)[:, 0]
    # Twice the difference of two scores is that of the squared distances: to (0, 0, 0) they are
    # 0, 1 + 9 and 16 + 1, to (4, 0, 1) they are 17, 9 + 9 + 1 and 0.
    assert (2 * (scores[0] - scores[1])).tolist() == [17, 9, -17]
    assert maps.score_maps(xy[:0]).shape == (0, 1, 3)


def test_the_most_probable_instance_by_bayes_rule():
    logits, heatmap, embedding = _maps()
    maps = image_maps(logits, heatmap, embedding, SHAPES)
    xy = torch.tensor([[0, 0], [4, 2], [2, 1], [1, 0]])
    classes = logits.argmax(dim=0)[xy[:, 1], xy[:, 0]]
    assert len(classes.unique()) > 2
    centroids = embedding[:, xy[:, 1], xy[:, 0]].t()
    for views in (1, 2):
        maps = maps._replace(embeddings=[embedding] * views)
        # A normal distribution around each centroid, in all views, and the class in each.
        normal = torch.distributions.Normal(centroids[..., None, None], 1.5**0.5)
        likelihood = views * normal.log_prob(embedding).sum(dim=1)
        posterior = (likelihood + views * logits.log_softmax(dim=0)[classes]).softmax(dim=0)
        ours = maps.score_maps(xy, class_weight=1.5) / 1.5
        torch.testing.assert_close(ours.softmax(dim=0), posterior)
    rows = slice(1, 3)
    torch.testing.assert_close(maps.score_maps(xy, rows, 1.5) / 1.5, ours[:, rows])


def test_distances_by_hand():
    # Two cells, four pixels: the embeddings are upsampled to 0, 1, 3, 4 and to 8, 6, 2, 0.
    views = [torch.tensor([[[0.0, 4.0]]]), torch.tensor([[[8.0, 0.0]]])]
    none = torch.zeros(1, 1, 2)
    maps = ImageMaps(None, None, none[0].long(), none, none, views, Shapes((4, 8), (4, 8), (1, 4)))
    pixels, xy = torch.tensor([1, 2, 3]), torch.tensor([[0, 0], [0, 0], [1, 0]])
    expected = [((1 + 4) / 2) ** 0.5, ((9 + 36) / 2) ** 0.5, 0]
    torch.testing.assert_close(maps.distances(pixels, xy), torch.tensor(expected))
    assert maps.distances(pixels[:0], xy[:0]).shape == (0,)


@pytest.mark.parametrize(('limit', 'bands'), [(1, 7), (3 * 5 * 2, 4), (3 * 5 * 3, 3), (1 << 26, 1)])
def test_bands_of_scores_say_the_same_as_all_of_them(limit, bands, monkeypatch):
    monkeypatch.setattr('einet.functional.image_maps._SCORES', limit)
    shapes = Shapes((28, 20), (26, 20), (61, 17))
    generator = torch.Generator().manual_seed(0)
    logits, heatmap, *views = (torch.randn(n, 7, 5, generator=generator) for n in (4, 2, 6, 3))
    maps = image_maps(logits, heatmap, views[0], shapes)._replace(embeddings=views)
    xy = torch.tensor([[0, 0], [4, 3], [2, 6]])
    pixels = torch.arange(3, 61 * 17, 2)
    labels, scores = torch.zeros_like(pixels), maps.score_maps(xy, class_weight=0.3)
    expected = group_pixels(scores, [3], maps.cells, pixels, labels)
    assert expected.unique().tolist() == [0, 1, 2]
    nearest = torch.full_like(pixels, -1)
    parts = list(maps.score_bands(xy, pixels, class_weight=0.3))
    for part, scores, cells in parts:
        assert nearest[part].eq(-1).all()
        nearest[part] = group_pixels(scores, [3], cells, pixels[part], labels[part])
    assert nearest.equal(expected)
    assert len(parts) == bands
