import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from einet.functional.heatmap import gaussian_radius
from einet.models.targets import build_targets

from .samples import make_sample


def _targets(*samples, feature_size=(4, 6), **kwargs):
    return build_targets(samples, feature_size, num_things_classes=2, num_classes=3, **kwargs)


def test_maps_by_hand():
    sample = make_sample((16, 24), [(1, 4, 4, 12, 8), (0, 16, 0, 24, 12)], void_rows=3)
    targets = _targets(sample)
    # Cells read pixel (4 i + 2, 4 j + 2).
    assert targets.labels[0].tolist() == [
        [-1, -1, -1, -1, 0, 0],
        [2, 1, 1, 2, 0, 0],
        [2, 2, 2, 2, 0, 0],
        [2, 2, 2, 2, 2, 2],
    ]
    assert targets.instance_ids[0].tolist() == [
        [-1, -1, -1, -1, 1, 1],
        [-1, 0, 0, -1, 1, 1],
        [-1, -1, -1, -1, 1, 1],
        [-1, -1, -1, -1, -1, -1],
    ]
    assert targets.instance_labels[0][targets.visible[0]].tolist() == [1, 0]
    assert targets.centroids[0][targets.visible[0]].tolist() == [[1, 1], [4, 1]]
    assert targets.has_centroid.equal(targets.visible)
    assert targets.present.tolist() == [[True, True, True]]
    assert targets.heatmap[0, 1, 1, 1] == 1
    assert targets.heatmap[0, 0, 1, 4] == 1
    assert targets.heatmap_mask[0, 0].tolist() == (targets.labels[0] >= 0).tolist()


def test_rows_and_columns_have_strides_of_their_own():
    sample = make_sample((16, 24), [(1, 4, 4, 12, 8), (0, 16, 0, 24, 12)], void_rows=3)
    targets = _targets(sample, feature_size=(8, 6))
    # Cells read pixel (x, y) = (4 j + 2, 2 i + 1).
    stuff = [2, 2, 2, 2, 0, 0]
    both = [2, 1, 1, 2, 0, 0]
    expected = [[-1, -1, -1, -1, 0, 0], stuff, both, both, stuff, stuff, [2] * 6, [2] * 6]
    assert targets.labels[0].tolist() == expected
    # The centroids are the pixels (7, 5) and (19, 5).
    assert targets.centroids[0][targets.visible[0]].tolist() == [[1, 2], [4, 2]]
    assert (targets.heatmap[0] == 1).nonzero().tolist() == [[0, 2, 4], [1, 2, 1]]


def test_small_instances_weigh_more():
    sample = make_sample((16, 24), [(1, 4, 4, 12, 8), (0, 16, 0, 24, 12)])
    weights = _targets(sample, small_instance_area=33, small_instance_weight=3.0).pixel_weights[0]
    assert weights[4:8, 4:12].unique().tolist() == [3.0]
    assert weights.sum() == 16 * 24 + 2 * 32


def test_one_pixel_instances_keep_a_cell_and_the_smallest_wins_it():
    boxes = [(0, 0, 0, 12, 12), (1, 9, 5, 10, 6), (1, 8, 4, 9, 5), (0, 11, 4, 12, 6)]
    targets = _targets(make_sample((16, 24), boxes))
    # Three centroids fall into cell (2, 1): the first of the two one-pixel instances has it.
    order = targets.visible[0].cumsum(0) - 1
    assert order[targets.instance_ids[0, 1, 2]] == 1
    assert targets.instance_labels[0][targets.visible[0]].tolist() == [0, 1]
    assert targets.labels[0, 1, 2] == 1
    # The heatmap still knows all of them.
    assert (targets.heatmap == 1).sum() == 3


def test_of_two_instances_with_one_centroid_the_smaller_has_it():
    targets = _targets(make_sample((16, 24), [(0, 0, 0, 12, 12), (1, 5, 6, 7, 8)]))
    assert targets.centroids[0, :2].tolist() == [[1, 1], [1, 1]]
    assert targets.instance_ids[0, 1, 1] == 1
    assert targets.visible[0, :2].tolist() == [True, True]
    assert targets.has_centroid[0, :2].tolist() == [False, True]


def test_empty_and_void_images():
    targets = _targets(make_sample((16, 24), []), make_sample((16, 24), [], void_rows=16))
    assert targets.instance_labels[0][targets.visible[0]].shape == (0,)
    assert targets.centroids[1][targets.visible[1]].shape == (0, 2)
    assert targets.present.tolist() == [[False, False, True], [False, False, False]]
    assert not targets.heatmap_mask[1].any()
    assert targets.heatmap.sum() == 0


def test_heatmap_spread_follows_the_extent_on_the_feature_map():
    # 64 x 16 pixels are 16 x 8 cells of 4 x 2 pixels.
    sample = make_sample((32, 96), [(0, 8, 8, 72, 24)])
    targets = _targets(sample, feature_size=(16, 24), min_overlap=0.3, min_radius=0)
    wide = _targets(sample, feature_size=(16, 24), min_radius=5)
    radius = int(gaussian_radius(torch.tensor([8.0]), torch.tensor([16.0]), 0.3))
    row = targets.heatmap[0, 0, 7]
    assert radius >= 1
    assert (row > 0).sum() == 2 * radius + 1
    assert (wide.heatmap[0, 0, 7] > 0).sum() == 2 * 5 + 1


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_every_centroid_lies_on_its_own_instance(data):
    box = st.tuples(
        st.integers(0, 1),
        st.integers(0, 22),
        st.integers(0, 14),
        st.integers(1, 9),
        st.integers(1, 9),
    )
    boxes = [
        (label, x, y, min(x + w, 24), min(y + h, 16))
        for label, x, y, w, h in data.draw(st.lists(box, max_size=6))
    ]
    targets = _targets(make_sample((16, 24), boxes))
    visible = targets.visible[0]
    x, y = targets.centroids[0][visible].unbind(1)
    ids = targets.instance_ids[0]
    owners = ids[y, x]
    # Where cells are shared the smaller instance owns the cell; it then still has pixels.
    assert set(ids.unique().tolist()) - {-1} == set(visible.nonzero()[:, 0].tolist())
    assert torch.equal(targets.labels[0][y, x], targets.instance_labels[0][owners])
    for cell in {(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)}:
        assert ids[cell[1], cell[0]] >= 0


def test_the_semantic_loss_sees_every_pixel():
    sample = make_sample((16, 24), [(1, 4, 4, 12, 8), (0, 16, 0, 24, 12)], void_rows=3)
    targets = _targets(sample)
    expected = torch.full((16, 24), 2)
    expected[:3] = 255
    expected[4:8, 4:12] = 1
    expected[:12, 16:] = 0
    assert targets.sem_seg.tolist() == [expected.tolist()]
