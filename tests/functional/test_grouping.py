import re
import sys

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from einet.functional.grouping import (
    are_distinct,
    group_pixels,
    most_probable,
    score_maps,
    semantic_decision,
)
from einet.functional.heatmap import Peaks
from einet.functional.resize import BilinearCells, Shapes, resize_maps

from ..commands import run_command

NUM_THINGS = 3


def _same_size(height, width):
    """Maps as large as the image, so that nothing is interpolated."""
    size = (height, width)
    return BilinearCells(size, Shapes(size, size, size), like=torch.zeros(()))


def _group_all(embedding, centroids, centroid_labels, labels, cells):
    """The grouping as an image (H, W); -1 also on stuff."""
    pixels = (labels.flatten() < NUM_THINGS).nonzero().squeeze(1)
    groups = torch.full((labels.numel(),), -1)
    order = centroid_labels.argsort(stable=True)
    per_class = [int((centroid_labels == label).sum()) for label in range(NUM_THINGS)]
    nearest = group_pixels(
        score_maps(embedding, centroids[order]), per_class, cells, pixels, labels.flatten()[pixels]
    )
    groups[pixels] = F.pad(order, (0, 1), value=-1)[nearest]
    return groups.view_as(labels)


def _group_slowly(embedding, centroids, centroid_labels, labels, shapes):
    """The nearest centroid of the same class to every pixel of the upsampled embedding."""
    embedding = resize_maps(embedding, shapes)
    groups = torch.full(labels.shape, -1)
    nearest = torch.full(labels.shape, float('inf'), dtype=embedding.dtype)
    for k, (centroid, label) in enumerate(zip(centroids, centroid_labels, strict=True)):
        distance = (embedding - centroid[:, None, None]).norm(dim=0)
        closer = (labels == label) & (distance < nearest)
        groups[closer] = k
        nearest[closer] = distance[closer]
    return groups


SCENES = {
    'size': st.tuples(st.integers(1, 8), st.integers(1, 8)),
    'missing': st.tuples(st.integers(0, 3), st.integers(0, 3)),
    'padding': st.tuples(st.integers(0, 6), st.integers(0, 6)),
    'ori': st.tuples(st.integers(1, 33), st.integers(1, 33)),
    'num_instances': st.integers(0, 7),
    'seed': st.integers(0, 10_000),
}


@given(**SCENES)
def test_grouping_is_the_nearest_upsampled_embedding(
    size, missing, padding, ori, num_instances, seed
):
    generator = torch.Generator().manual_seed(seed)
    padded = tuple(4 * cells - less for cells, less in zip(size, missing, strict=True))
    img = tuple(max(pixels - less, 1) for pixels, less in zip(padded, padding, strict=True))
    shapes = Shapes(padded, img, ori)
    logits, embedding = (
        torch.randn(n, *size, generator=generator, dtype=torch.float64) for n in (5, 4)
    )
    centroids = torch.randn(num_instances, 4, generator=generator, dtype=torch.float64)
    centroid_labels = torch.randint(0, NUM_THINGS, (num_instances,), generator=generator)
    cells = BilinearCells(size, shapes, like=logits)

    semantics = semantic_decision(logits, cells, NUM_THINGS)
    probabilities, expected = resize_maps(logits, shapes).softmax(dim=0).max(dim=0)
    assert semantics.labels.equal(expected.byte())
    pixels = (expected.flatten() < NUM_THINGS).nonzero().squeeze(1)
    assert semantics.thing_pixels.equal(pixels)
    assert semantics.thing_labels.equal(expected.flatten()[pixels])
    torch.testing.assert_close(
        semantics.thing_probabilities, probabilities.flatten()[pixels], rtol=1e-9, atol=1e-9
    )
    groups = _group_all(embedding, centroids, centroid_labels, expected, cells)
    slow = _group_slowly(embedding, centroids, centroid_labels, expected, shapes)
    assert groups.equal(slow)


def test_a_centroid_that_wins_only_between_cells():
    # At both cells another centroid is nearest; half way the middle one is.
    embedding = torch.tensor([[[0.0, 8.0]], [[0.0, 0.0]]])
    centroids = torch.tensor([[0.0, 0.0], [4.0, 1.0], [8.0, 0.0]])
    shapes = Shapes((1, 2), (1, 2), (1, 8))
    cells = BilinearCells((1, 2), shapes, like=embedding)
    labels = torch.zeros(1, 8, dtype=torch.long)
    groups = _group_all(embedding, centroids, torch.tensor([0, 0, 0]), labels, cells)
    # Embeddings: 0, 0, 1, 3, 5, 7, 8, 8.
    assert groups.tolist() == [[0, 0, 0, 1, 1, 2, 2, 2]]


def test_equal_distances_go_to_the_first():
    embedding = torch.zeros(2, 3, 4)
    centroids = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, 1.0]])
    labels = torch.tensor([[0, 1, 1, 0]] * 3)
    groups = _group_all(embedding, centroids, torch.tensor([1, 0, 0, 1]), labels, _same_size(3, 4))
    assert groups.tolist() == [[1, 0, 0, 1]] * 3


def test_classes_do_not_mix():
    # Each class takes its own centroid although the other one's fits exactly.
    embedding = torch.tensor([[[0.0, 0.0, 5.0, 5.0, 9.0]]])
    labels = torch.tensor([[1, 0, 1, 0, 2]])
    centroids = torch.tensor([[0.0], [5.0]])
    groups = _group_all(embedding, centroids, torch.tensor([0, 1]), labels, _same_size(1, 5))
    assert groups.tolist() == [[1, 0, 1, 0, -1]]


def test_scores_by_hand():
    # s_k = (|I - m|^2 - |I - O_k|^2) / 2 with the mean centroid m = (2, 1).
    embedding = torch.tensor([[[1.0, 2.0]], [[3.0, -1.0]]])
    centroids = torch.tensor([[1.0, 2.0], [3.0, 0.0]])
    expected = [[(5 - 1) / 2, (4 - 10) / 2], [(5 - 13) / 2, (4 - 2) / 2]]
    assert score_maps(embedding, centroids).squeeze(1).tolist() == expected


def test_a_large_common_offset_costs_no_precision():
    generator = torch.Generator().manual_seed(0)
    embedding = torch.randn(4, 9, 9, generator=generator)
    centroids = torch.randn(6, 4, generator=generator)
    exact = score_maps(embedding.double(), centroids.double())
    offset = torch.tensor([1024.0, 2048.0, 0.0, 0.0])
    moved = score_maps(embedding + offset[:, None, None], centroids + offset)
    torch.testing.assert_close(moved.double(), exact, rtol=0, atol=5e-3)
    plain = torch.einsum('dhw,kd->khw', embedding + offset[:, None, None], centroids + offset)
    plain -= (centroids + offset).square().sum(dim=1)[:, None, None] / 2
    differences = (plain - plain[:1]).double() - (exact - exact[:1])
    assert differences.abs().max() > 0.05


@given(
    num=st.integers(0, 9),
    views=st.integers(1, 3),
    chunk=st.sampled_from([1, 1000]),
    seed=st.integers(0, 10_000),
)
def test_distinct_peaks_by_the_long_way(num, views, chunk, seed):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(2, (num,), generator=generator).sort().values
    xy = torch.randint(9, (num, 2), generator=generator)
    peaks = Peaks(xy, labels, torch.linspace(1, 0, num))
    embeddings = list(torch.rand(views, num, 3, generator=generator))
    kept = []
    for k in range(num):
        stronger = [j for j in range(k) if labels[j] == labels[k]]
        apart = [
            sum((e[j] - e[k]).square().sum().item() for e in embeddings) / views for j in stronger
        ]
        if all(squared >= 0.6**2 for squared in apart):
            kept.append(k)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('einet.functional.grouping._CHUNK', chunk)
        found = are_distinct(peaks, embeddings, 0.6)
    assert found.nonzero().flatten().tolist() == kept


def test_near_peaks_of_two_classes_and_far_from_the_origin():
    xy, scores = torch.zeros(3, 2).long(), torch.tensor([0.9, 0.8, 0.7])
    # 4096 and 1 / 16: their squares' difference drowns in float32's rounding.
    embeddings = 4096 + torch.tensor([[0.0], [0.0625], [0.1875]])
    peaks = Peaks(xy, torch.tensor([0, 0, 0]), scores)
    assert are_distinct(peaks, [embeddings], 0.0625).tolist() == [True, True, True]
    assert are_distinct(peaks, [embeddings], 0.07).tolist() == [True, False, True]
    peaks = peaks._replace(labels=torch.tensor([0, 1, 1]))
    assert are_distinct(peaks, [embeddings], 0.07).tolist() == [True, True, True]


def test_scores_are_float32_under_autocast():
    embedding, centroids = torch.randn(4, 3, 3), torch.randn(2, 4)
    expected = score_maps(embedding, centroids)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert score_maps(embedding, centroids).equal(expected)


def test_order_of_the_centroids_does_not_matter():
    generator = torch.Generator().manual_seed(5)
    embedding = torch.randn(4, 9, 11, generator=generator)
    centroids = torch.randn(8, 4, generator=generator)
    centroid_labels = torch.tensor([0, 2, 1, 0, 0, 2, 1, 0])
    shapes = Shapes((36, 44), (33, 40), (50, 60))
    cells = BilinearCells((9, 11), shapes, like=embedding)
    labels = torch.randint(0, 5, (50, 60), generator=generator)
    groups = _group_all(embedding, centroids, centroid_labels, labels, cells)
    order = torch.tensor([3, 7, 0, 2, 6, 1, 5, 4])
    shuffled = _group_all(embedding, centroids[order], centroid_labels[order], labels, cells)
    assert torch.where(shuffled < 0, -1, order[shuffled]).equal(groups)


def test_flipped_maps_give_the_flipped_grouping():
    generator = torch.Generator().manual_seed(6)
    logits = torch.randn(5, 9, 11, generator=generator, dtype=torch.float64)
    embedding = torch.randn(4, 9, 11, generator=generator, dtype=torch.float64)
    centroids = torch.randn(8, 4, generator=generator, dtype=torch.float64)
    centroid_labels = torch.randint(0, NUM_THINGS, (8,), generator=generator)
    cells = BilinearCells((9, 11), Shapes((36, 44), (36, 44), (71, 53)), like=logits)
    results = []
    for flip in (False, True):
        maps = [m.flip(-1) if flip else m for m in (logits, embedding)]
        labels = semantic_decision(maps[0], cells, NUM_THINGS).labels.long()
        groups = _group_all(maps[1], centroids, centroid_labels, labels, cells)
        results.append(torch.stack((labels, groups)))
    assert results[1].flip(-1).equal(results[0])


@pytest.mark.parametrize('chunk', [1, 50])
def test_chunks_do_not_change_the_result(chunk, monkeypatch):
    generator = torch.Generator().manual_seed(7)
    logits, embedding = (torch.randn(n, 6, 5, generator=generator).double() for n in (5, 4))
    cells = BilinearCells((6, 5), Shapes((24, 20), (24, 20), (23, 31)), like=logits)
    centroids, centroid_labels = embedding[:, 2, :4].t(), torch.tensor([0, 0, 1, 0])
    results = []
    for _ in range(2):
        labels = semantic_decision(logits, cells, NUM_THINGS).labels.long()
        results.append(_group_all(embedding, centroids, centroid_labels, labels, cells))
        monkeypatch.setattr('einet.functional.grouping._CHUNK', chunk)
    assert results[0].equal(results[1])


MEMORY = """
import torch
from einet.functional.grouping import group_pixels, score_maps, semantic_decision
from einet.functional.heatmap import Peaks
from einet.functional.merging import merge_segments, sized_groups
from einet.functional.resize import BilinearCells, Shapes
from einet_tools.process_memory import memory

torch.set_num_threads(1)
size, ori = (256, 512), (1024, 2048)
embedding, logits = torch.randn(256, *size), torch.randn(19, *size)
xy = torch.stack((torch.randint(0, 512, (300,)), torch.randint(0, 256, (300,))), dim=1)
peaks = Peaks(xy, torch.randint(0, {classes}, (300,)).sort().values, torch.rand(300))
before = memory('VmHWM')
cells = BilinearCells(size, Shapes(ori, ori, ori), like=logits)
semantics = semantic_decision(logits, cells, 8)
scores = score_maps(embedding, embedding[:, xy[:, 1], xy[:, 0]].t())
per_class = peaks.labels.bincount(minlength=8).tolist()
owners = group_pixels(scores, per_class, cells, semantics.thing_pixels, semantics.thing_labels)
merge_segments(semantics, sized_groups(owners, 300), peaks, cells, 19, 8, 2048)
print('added', (memory('VmHWM') - before) / 2**20)
"""


@pytest.mark.slow
@pytest.mark.parametrize('classes', [1, 8])
def test_300_peaks_at_cityscapes_size_stay_under_one_gibibyte(classes, tmp_path):
    # Noise is the worst case: every cell is a border.
    code = MEMORY.format(classes=classes)
    output = run_command(sys.executable, '-c', code, cwd=tmp_path)
    # The embedding is 128 MiB, and its score maps are larger.
    assert 128 < float(re.search(r'^added (.+)$', output, re.MULTILINE)[1]) < 1024


def test_most_probable_by_hand():
    probabilities = torch.tensor(
        [[[0.5, 0.1, 0.2]], [[0.3, 0.7, 0.2]], [[0.1, 0.1, 0.2]], [[0.1, 0.1, 0.4]]]
    )
    decision = most_probable(probabilities, num_things_classes=2)
    assert decision.labels.tolist() == [[0, 1, 3]]
    assert decision.labels.dtype == torch.uint8
    assert decision.thing_pixels.tolist() == [0, 1]
    assert decision.thing_labels.tolist() == [0, 1]
    assert decision.thing_probabilities.tolist() == pytest.approx([0.5, 0.7])
