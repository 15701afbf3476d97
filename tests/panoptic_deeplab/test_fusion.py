"""The fusion against hand-made scenes and against the published description, done slowly."""

from types import SimpleNamespace

import pytest
import torch
from mmdet.registry import MODELS

from einet.functional.resize import Shapes, resize_maps
from einet.panoptic_deeplab.fusion import OffsetPanopticFusion

SIZE = (32, 48)  # the image; maps are 8 x 12
C_TH, C_ST = 2, 2
VOID = C_TH + C_ST
NAMES = ('semantic_logits', 'heatmap_logits', 'offsets')


def _fusion(**options):
    options = dict(kernel_size=7, stuff_area=0) | options
    return OffsetPanopticFusion(C_TH, C_ST, **options)


def _two_discs():
    """Maps of two things of class 0 side by side in front of stuff 2 (left) and 3 (right)."""
    y, x = torch.meshgrid(torch.arange(8), torch.arange(12), indexing='ij')
    left = (y - 3) ** 2 + (x - 3) ** 2 <= 5
    right = (y - 4) ** 2 + (x - 8) ** 2 <= 5
    labels = torch.where(x < 5, 2, 3)
    labels[left | right] = 0
    logits = 6.0 * torch.nn.functional.one_hot(labels, 4).permute(2, 0, 1)
    heatmap = torch.full((1, 8, 12), -6.0)
    heatmap[0, 3, 3] = 2.0
    heatmap[0, 4, 8] = 1.0
    offsets = torch.zeros(2, 8, 12)
    offsets[:, left] = 4.0 * torch.stack((3 - x, 3 - y))[:, left]
    offsets[:, right] = 4.0 * torch.stack((8 - x, 4 - y))[:, right]
    return logits, heatmap, offsets


def _outputs(*maps):
    """Of one image, as far as the fusion reads them."""
    return SimpleNamespace(**dict(zip(NAMES, maps, strict=True)))


def _same_size(*maps, **options):
    return _fusion(**options)(_outputs(*maps), Shapes(SIZE, SIZE, SIZE))


def test_it_is_registered_and_has_the_published_defaults():
    fusion = MODELS.build(
        dict(type='OffsetPanopticFusion', num_things_classes=2, num_stuff_classes=2)
    )
    assert (fusion.kernel_size, fusion.peak_threshold, fusion.top_k) == (7, 0.1, 200)
    assert not list(fusion.parameters())


def test_two_things_of_one_class():
    result = _same_size(*_two_discs())
    assert result.labels.tolist() == [0, 0]
    assert result.panoptic_ids.tolist() == [1000, 2000]
    assert result.panoptic.unique().tolist() == [2, 3, 1000, 2000]
    # Cell (3, 3) has its middle between the pixels 13 and 14, the first is taken.
    assert result.centroids.tolist() == [[13, 13], [33, 17]]
    assert result.panoptic[13, 13] == 1000
    assert result.panoptic[18, 34] == 2000
    assert result.panoptic[2, 2] == 2
    assert result.panoptic[30, 46] == 3


def test_an_instance_takes_the_class_of_most_of_its_pixels():
    logits, heatmap, offsets = _two_discs()
    # A part of the right disc looks like class 1, the smaller one. The left disc has a seam too.
    logits[1, 2:4, 7:10] = 7.0
    logits[1, 1:5, 2:6] = 7.0
    before = _same_size(logits, heatmap, offsets)
    assert before.sem_seg[14, 34] == 1
    assert before.panoptic_ids.tolist() == [1001, 2000]
    assert before.panoptic[14, 34] == 2000
    assert (before.panoptic % 1000 == 1).equal(before.panoptic == 1001)


def test_without_a_center_things_are_void():
    logits, heatmap, offsets = _two_discs()
    result = _same_size(logits, heatmap.fill_(-6), offsets)
    assert result.panoptic.unique().tolist() == [2, 3, VOID]
    assert (result.panoptic[result.sem_seg == 0] == VOID).all()
    assert [len(values) for values in result[2:-1]] == [0] * 5
    assert result.embeddings is None


def test_a_center_that_gets_no_pixel_is_left_out():
    logits, heatmap, offsets = _two_discs()
    heatmap[0, 0, 11] = 5.0
    result = _same_size(logits, heatmap, offsets)
    assert result.panoptic_ids.tolist() == [1000, 2000]


def test_top_k_keeps_the_best_centers():
    result = _same_size(*_two_discs(), top_k=1)
    assert result.centroids.tolist() == [[13, 13]]
    # Both discs now are one instance: there is no other center, however far.
    assert result.panoptic.unique().tolist() == [2, 3, 1000]


def test_only_stuff():
    logits, heatmap, offsets = _two_discs()
    logits[:C_TH] = -9
    result = _same_size(logits, heatmap, offsets)
    assert result.panoptic.unique().tolist() == [2, 3]
    assert len(result.labels) == 0


def test_stuff_area_is_counted_at_the_images_size():
    maps = _two_discs()
    area = int((_same_size(*maps).sem_seg == 2).sum())
    assert 2 in _same_size(*maps, stuff_area=area).panoptic
    assert 2 not in _same_size(*maps, stuff_area=area + 1).panoptic


def test_offsets_are_scaled_to_the_original_image():
    # The original is twice as high as the network's input and three times as wide: an offset of
    # (-5, 0) moves by 15 of its pixels.
    logits, heatmap = torch.zeros(VOID, 1, 12), torch.full((1, 1, 12), -6.0)
    logits[0] = 9.0
    heatmap[0, 0, 2], heatmap[0, 0, 8] = 3.0, 2.0
    offsets = torch.tensor([-5.0, 0.0])[:, None, None].expand(2, 1, 12)
    shapes = Shapes((4, 48), (4, 48), (8, 144))
    result = _fusion()(_outputs(logits, heatmap, offsets), shapes)
    # Cells are 12 pixels wide, with middles at 5.5 + 12 x: between two pixels.
    assert result.centroids[:, 0].tolist() == pytest.approx([29.5, 101.5], abs=0.51)
    middle = result.centroids[:, 0].mean()
    assert (result.panoptic == 2000).equal((torch.arange(144) - 15 > middle).expand(8, 144))


def _pixels(size):
    return [(x, y) for y in range(size[0]) for x in range(size[1])]


def _centers_slowly(fusion, heat):
    """Score, x and y of the best pixels of their windows; of equals, one (the original: all)."""
    reach, found = fusion.kernel_size // 2, []
    for x, y in _pixels(heat.shape):
        window = [
            (heat[b, a].item(), -b, -a)
            for a, b in _pixels(heat.shape)
            if max(abs(a - x), abs(b - y)) <= reach
        ]
        if max(window) == (heat[y, x].item(), -y, -x) and heat[y, x] > fusion.peak_threshold:
            found.append((heat[y, x].item(), x, y))
    return sorted(found, key=lambda center: -center[0])[: fusion.top_k]


def _fuse_slowly(fusion, logits, heatmap, offsets, shapes):
    """As the paper describes it, at full resolution, instance by instance and pixel by pixel."""
    probabilities = resize_maps(logits, shapes).softmax(dim=0)
    labels = probabilities.argmax(dim=0)
    centers = _centers_slowly(fusion, resize_maps(heatmap.sigmoid(), shapes)[0])
    scale = torch.tensor([o / i for o, i in zip(shapes.ori, shapes.img, strict=True)]).flip(0)
    moves = resize_maps(offsets, shapes) * scale[:, None, None]
    owner = torch.full(shapes.ori, -1)
    for x, y in _pixels(shapes.ori):
        if labels[y, x] < C_TH:
            to = x + moves[0, y, x].item(), y + moves[1, y, x].item()
            distances = [(to[0] - a) ** 2 + (to[1] - b) ** 2 for _, a, b in centers]
            owner[y, x] = distances.index(min(distances))
    panoptic = torch.where(labels < C_TH, VOID, labels)
    for label in range(C_TH, VOID):
        if (labels == label).sum() < fusion.stuff_area:
            panoptic[labels == label] = VOID
    scores = []
    for k, (score, _, _) in enumerate(centers):
        mask = owner == k
        if mask.any():
            vote = labels[mask].mode().values
            scores.append(score * probabilities[vote][mask].mean().item())
            panoptic[mask] = vote + 1000 * len(scores)
    return panoptic, labels, scores


@pytest.mark.parametrize('seed', range(6))
def test_everything_by_the_long_way(seed):
    generator = torch.Generator().manual_seed(seed)
    size, img, ori = [((5, 7), (19, 26), (19, 26)), ((6, 4), (22, 16), (33, 20))][seed % 2]
    shapes = Shapes(tuple(4 * cells for cells in size), img, ori)
    logits = 2 * torch.randn(VOID, *size, generator=generator)
    heatmap = torch.randn(1, *size, generator=generator)
    offsets = 6 * torch.randn(2, *size, generator=generator)
    fusion = _fusion(kernel_size=5, peak_threshold=0.4, top_k=6, stuff_area=20)
    result = fusion(_outputs(logits, heatmap, offsets), shapes)
    panoptic, labels, scores = _fuse_slowly(fusion, logits, heatmap, offsets, shapes)
    assert len(scores) > 1
    assert result.panoptic.equal(panoptic.int())
    assert result.sem_seg.equal(labels.byte())
    assert result.scores.tolist() == pytest.approx(scores, rel=1e-5)


def test_one_pixel():
    logits = torch.tensor([3.0, 0, 0, 0])
    maps = [logits.view(4, 1, 1), torch.full((1, 1, 1), 2.0), torch.full((2, 1, 1), -7.0)]
    result = _fusion()(_outputs(*maps), Shapes((1, 1), (1, 1), (1, 1)))
    assert result.panoptic.tolist() == [[1000]]
    assert result.centroids.tolist() == [[0, 0]]
    probability = logits.softmax(dim=0)[0] * torch.tensor(2.0).sigmoid()
    assert result.scores.item() == pytest.approx(probability.item())


@pytest.mark.parametrize('size', [(97, 131), (33, 64)])
def test_odd_sizes(size):
    generator = torch.Generator().manual_seed(0)
    low = [-(-length // 4) for length in size]
    maps = [torch.randn(n, *low, generator=generator) for n in (VOID, 1, 2)]
    result = _fusion()(_outputs(*maps), Shapes(size, size, size))
    assert result.panoptic.shape == result.sem_seg.shape == size
    ids = result.panoptic.unique()
    assert set(result.panoptic_ids.tolist()) == {i for i in ids.tolist() if i >= 1000}


def test_padding_has_no_say():
    logits, heatmap, offsets = _two_discs()
    wide = [torch.cat((maps, maps.flip(-1)), dim=2) for maps in (logits, heatmap, offsets)]
    alone = _same_size(logits, heatmap, offsets)
    padded = _fusion()(_outputs(*wide), Shapes((32, 96), SIZE, SIZE))
    assert padded.panoptic.equal(alone.panoptic)


def test_half_precision_is_computed_in_float32():
    maps = [values.bfloat16() for values in _two_discs()]
    expected = _same_size(*(values.float() for values in maps))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        result = _same_size(*maps)
    for ours, theirs in zip(result[:-1], expected[:-1], strict=True):
        assert ours.equal(theirs)


def test_inputs_stay_as_they_are():
    maps = _two_discs()
    copies = [values.clone() for values in maps]
    _same_size(*maps)
    assert all(values.equal(copy) for values, copy in zip(maps, copies, strict=True))


@pytest.mark.parametrize('name', NAMES)
def test_values_that_are_not_finite_are_refused_by_name(name):
    outputs = _outputs(*_two_discs())
    getattr(outputs, name)[0, 5, 5] = float('nan')
    with pytest.raises(ValueError, match=f'OffsetPanopticFusion: {name} has NaN or infinite'):
        _fusion()(outputs, Shapes(SIZE, SIZE, SIZE))


def test_maps_that_do_not_fit_are_refused():
    logits, heatmap, offsets = _two_discs()
    with pytest.raises(ValueError, match=r'heatmap_logits is \(2, 8, 12\), expected \(1, 8, 12\)'):
        _same_size(logits, heatmap.repeat(2, 1, 1), offsets)
    with pytest.raises(ValueError, match=r'offsets is \(2, 8, 11\)'):
        _same_size(logits, heatmap, offsets[..., 1:])


def test_more_classes_than_a_byte_holds_are_refused():
    with pytest.raises(ValueError, match='OffsetPanopticFusion.*at most 254 classes'):
        OffsetPanopticFusion(200, 55)


@pytest.mark.gpu
def test_gpu_gives_the_same():
    if not torch.cuda.is_available():
        pytest.skip('needs a GPU')
    maps = _two_discs()
    expected = _same_size(*maps)
    result = _same_size(*(values.cuda() for values in maps))
    for ours, theirs in zip(result, expected, strict=True):
        torch.testing.assert_close(ours.cpu(), theirs)
