from types import SimpleNamespace

import pytest
import torch
from mmdet.registry import MODELS

from einet.functional.heatmap import find_peaks
from einet.functional.resize import Shapes, resize_maps
from einet.functional.steps import finish
from einet.functional.views import View, merge_views
from einet.models.fusion import EmbeddingPanopticFusion

SIZE = (32, 48)  # the image; maps are 8 x 12
C_TH, C_ST = 2, 2
VOID = C_TH + C_ST


def _fusion(**options):
    options = dict(kernel_size=3, stuff_area=0) | options
    return EmbeddingPanopticFusion(C_TH, C_ST, **options)


def _two_discs(same_class=True):
    """Maps of two things side by side in front of stuff 2 (left) and 3 (right)."""
    y, x = torch.meshgrid(torch.arange(8), torch.arange(12), indexing='ij')
    left = (y - 3) ** 2 + (x - 3) ** 2 <= 5
    right = (y - 4) ** 2 + (x - 8) ** 2 <= 5
    labels = torch.where(x < 5, 2, 3)
    labels[left] = 0
    labels[right] = 0 if same_class else 1
    logits = 6.0 * torch.nn.functional.one_hot(labels, 4).permute(2, 0, 1)
    heatmap = torch.full((C_TH, 8, 12), -6.0)
    heatmap[0, 3, 3] = 2.0
    heatmap[0 if same_class else 1, 4, 8] = 1.0
    embedding = torch.stack((left.float() - right.float(), 2 * right.float()))
    return logits, heatmap, embedding


def _outputs(logits, heatmap, embedding):
    """Of one image, as far as the fusion reads them."""
    return SimpleNamespace(
        semantic_logits=logits, heatmap_logits=heatmap, instance_embedding=embedding
    )


def _same_size(*maps, **options):
    return _fusion(**options)(_outputs(*maps), Shapes(SIZE, SIZE, SIZE))


def test_it_is_registered_and_has_the_papers_defaults():
    fusion = MODELS.build(
        dict(type='EmbeddingPanopticFusion', num_things_classes=2, num_stuff_classes=2)
    )
    assert (fusion.kernel_size, fusion.peak_threshold, fusion.top_k) == (8, 0.3, 30)
    assert (fusion.grouping, fusion.class_weight, fusion.min_peak_distance) == ('class', 0, 0)
    assert fusion.max_distance is None
    assert not list(fusion.parameters())


@pytest.mark.parametrize(
    ('option', 'value'),
    [
        ('kernel_size', 0),
        ('top_k', 0),
        ('peak_threshold', 30),
        ('class_weight', -1.0),
        ('max_distance', -1.0),
        ('min_peak_distance', -0.5),
    ],
)
def test_options_out_of_range(option, value):
    with pytest.raises(ValueError, match=f'EmbeddingPanopticFusion: {option} .* {value}'):
        _fusion(**{option: value})


def test_two_things_of_one_class():
    logits, heatmap, embedding = _two_discs()
    result = _same_size(logits, heatmap, embedding)
    assert result.labels.tolist() == [0, 0]
    assert result.panoptic_ids.tolist() == [1000, 2000]
    assert result.panoptic.unique().tolist() == [2, 3, 1000, 2000]
    # Cell (3, 3) covers pixels 12..15, its middle is 13.5.
    assert result.centroids.tolist() == [[13.5, 13.5], [33.5, 17.5]]
    assert result.embeddings.tolist() == [[1, 0], [-1, 2]]
    assert result.panoptic[13, 13] == 1000
    assert result.panoptic[18, 34] == 2000
    assert result.panoptic[2, 2] == 2
    assert result.panoptic[30, 46] == 3


def test_everything_by_the_long_way():
    logits, heatmap, embedding = _two_discs(same_class=False)
    generator = torch.Generator().manual_seed(0)
    logits = logits + torch.randn(logits.shape, generator=generator)
    img, ori = (29, 41), (51, 37)
    result = _fusion()(_outputs(logits, heatmap, embedding), Shapes(SIZE, img, ori))
    probabilities, labels = resize_maps(logits, Shapes(SIZE, img, ori)).softmax(dim=0).max(dim=0)
    # One peak per class: the grouping is the semantic map.
    masks = [labels == 0, labels == 1]
    expected = torch.where(masks[0], 1000, torch.where(masks[1], 2001, labels))
    assert result.panoptic.equal(expected.int())
    assert result.sem_seg.equal(labels.byte())
    scores = [
        peak * probabilities[mask].mean().item()
        for peak, mask in zip(heatmap.amax(dim=(1, 2)).sigmoid().tolist(), masks, strict=True)
    ]
    assert result.scores.tolist() == pytest.approx(scores, rel=1e-5)
    assert result.panoptic.shape == ori


def test_a_thing_class_without_a_peak_is_void():
    logits, heatmap, embedding = _two_discs(same_class=False)
    heatmap[0] = -6
    result = _same_size(logits, heatmap, embedding)
    assert result.panoptic.unique().tolist() == [2, 3, VOID, 1001]
    assert (result.panoptic[result.sem_seg == 0] == VOID).all()


def test_no_peaks_at_all():
    logits, heatmap, embedding = _two_discs()
    result = _same_size(logits, heatmap.fill_(-6), embedding)
    assert result.panoptic.unique().tolist() == [2, 3, VOID]
    assert [len(values) for values in result[2:]] == [0] * 6


def test_a_peak_outside_its_semantic_class_is_dropped():
    logits, heatmap, embedding = _two_discs()
    heatmap[0, 7, 11] = 5.0  # stuff there
    heatmap[1, 3, 3] = 5.0  # the other thing class there
    result = _same_size(logits, heatmap, embedding)
    assert result.panoptic_ids.tolist() == [1000, 2000]


def test_only_stuff():
    logits, heatmap, embedding = _two_discs()
    logits[:C_TH] = -9
    result = _same_size(logits, heatmap, embedding)
    assert result.panoptic.unique().tolist() == [2, 3]
    assert len(result.labels) == 0


def test_only_one_thing_class():
    logits, heatmap, embedding = _two_discs()
    logits[0] = 9
    result = _same_size(logits, heatmap, embedding)
    assert result.panoptic.unique().tolist() == [1000, 2000]


def test_stuff_area_is_counted_at_the_images_size():
    logits, heatmap, embedding = _two_discs()
    area = int((_same_size(logits, heatmap, embedding).sem_seg == 2).sum())
    assert 2 in _same_size(logits, heatmap, embedding, stuff_area=area).panoptic
    assert 2 not in _same_size(logits, heatmap, embedding, stuff_area=area + 1).panoptic


def test_one_pixel():
    logits, heatmap = torch.tensor([3.0, 0, 0, 0]), torch.tensor([2.0, -2])
    maps = [values.view(-1, 1, 1) for values in (logits, heatmap, torch.ones(5))]
    result = _fusion(kernel_size=8)(_outputs(*maps), Shapes((1, 1), (1, 1), (1, 1)))
    assert result.panoptic.tolist() == [[1000]]
    assert result.centroids.tolist() == [[0, 0]]
    probability = logits.softmax(dim=0)[0] * heatmap.sigmoid()[0]
    assert result.scores.item() == pytest.approx(probability.item())


@pytest.mark.parametrize('size', [(97, 131), (33, 64)])
def test_odd_sizes(size):
    generator = torch.Generator().manual_seed(0)
    low = [-(-length // 4) for length in size]
    maps = [torch.randn(n, *low, generator=generator) for n in (VOID, C_TH, 6)]
    result = _fusion()(_outputs(*maps), Shapes(size, size, size))
    assert result.panoptic.shape == result.sem_seg.shape == size
    ids, areas = result.panoptic.unique(return_counts=True)
    assert set(result.panoptic_ids.tolist()) == {i for i in ids.tolist() if i >= 1000}
    assert areas.sum() == size[0] * size[1]


def test_padding_has_no_say():
    # Peaks in the padding and whatever is segmented there do not show in the image.
    logits, heatmap, embedding = _two_discs()
    wide = [torch.cat((maps, maps.flip(-1)), dim=2) for maps in (logits, heatmap, embedding)]
    alone = _same_size(logits, heatmap, embedding)
    padded = _fusion()(_outputs(*wide), Shapes((32, 96), SIZE, SIZE))
    assert padded.panoptic_ids.tolist() == alone.panoptic_ids.tolist()
    # The last two columns interpolate with the first padded cell, here a mirror image.
    assert padded.panoptic.equal(alone.panoptic)


def test_half_precision_is_computed_in_float32():
    maps = [values.bfloat16() for values in _two_discs()]
    expected = _same_size(*(values.float() for values in maps))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        result = _same_size(*maps)
    assert result.scores.dtype == torch.float32
    for ours, theirs in zip(result, expected, strict=True):
        assert ours.equal(theirs)


def test_inputs_stay_as_they_are():
    maps = _two_discs()
    copies = [values.clone() for values in maps]
    _same_size(*maps)
    assert all(values.equal(copy) for values, copy in zip(maps, copies, strict=True))


@pytest.mark.parametrize('value', [float('nan'), float('inf'), float('-inf')])
@pytest.mark.parametrize('name', ['semantic_logits', 'heatmap_logits', 'instance_embedding'])
def test_values_that_are_not_finite_are_refused_by_name(name, value):
    outputs = _outputs(*_two_discs())
    getattr(outputs, name)[0, 5, 5] = value
    with pytest.raises(ValueError, match=f'{name} has NaN or infinite'):
        _fusion()(outputs, Shapes(SIZE, SIZE, SIZE))


def test_maps_that_do_not_fit_are_refused():
    logits, heatmap, embedding = _two_discs()
    with pytest.raises(ValueError, match=r'semantic_logits is \(3, 8, 12\), expected \(4, 8, 12\)'):
        _same_size(logits[:3], heatmap, embedding)
    with pytest.raises(ValueError, match=r'instance_embedding is \(2, 8, 11\)'):
        _same_size(logits, heatmap, embedding[..., 1:])


def _random_view(size, img, ori, flips=(False, False), seed=0):
    generator = torch.Generator().manual_seed(seed)
    padded = tuple(4 * cells for cells in size)
    maps = (torch.randn(n, *size, generator=generator) for n in (VOID, C_TH, 5))
    return View(*maps, Shapes(padded, img, ori), flips)


def test_views_by_the_long_way():
    ori = (37, 45)
    views = [
        _random_view((9, 12), (35, 43), ori),
        _random_view((9, 12), (35, 43), ori, flips=(False, True), seed=1),
        _random_view((14, 16), (53, 64), ori, seed=2),
        _random_view((5, 6), (18, 22), ori, flips=(True, True), seed=3),
    ]
    merged = merge_views(views, len(views))
    result = _fusion().group(merged)

    shapes, semantics = views[0].shapes, finish(merged.decide())
    labels, best = semantics.labels.long(), torch.zeros(ori)
    best.view(-1)[semantics.thing_pixels] = semantics.thing_probabilities
    options = dict(kernel_size=3, labels=merged.cell_labels, valid=shapes.valid_cells((9, 12)))
    peaks = find_peaks(merged.heatmap_logits.sigmoid(), **options)
    assert len(peaks.labels) > 3
    embedding = torch.cat(merged.embeddings)
    centroids = embedding[:, peaks.xy[:, 1], peaks.xy[:, 0]]
    distances = (resize_maps(embedding, shapes)[:, None] - centroids[..., None, None]).norm(dim=0)
    other_class = peaks.labels[:, None, None] != labels
    owner = distances.masked_fill(other_class, float('inf')).argmin(dim=0)
    kept = [k for k in range(len(peaks.labels)) if ((owner == k) & (labels < C_TH)).any()]
    expected = torch.where(labels < C_TH, VOID, labels)
    for number, k in enumerate(kept, start=1):
        mask = (owner == k) & (labels == peaks.labels[k])
        expected[mask] = peaks.labels[k] + 1000 * number
        score = peaks.scores[k] * best[mask].mean()
        assert result.scores[number - 1].item() == pytest.approx(score.item(), rel=1e-5)
    assert len(result.scores) == len(kept)
    assert result.sem_seg.equal(labels.byte())
    assert result.panoptic.equal(expected.int())
    assert ((result.scores >= 0) & (result.scores <= 1)).all()


@pytest.mark.parametrize('channel', range(C_TH))
def test_a_heatmap_on_stuff_hides_no_peak_of_a_vote(channel):
    logits, heatmap, embedding = _two_discs()
    expected = _same_size(logits, heatmap, embedding, grouping='vote', kernel_size=7)
    heatmap[channel, 0, 3] = 3  # three rows above the left disc's peak, which has 2
    result = _same_size(logits, heatmap, embedding, grouping='vote', kernel_size=7)
    assert len(result.labels) == 2
    assert result.panoptic.equal(expected.panoptic)


@pytest.mark.parametrize('class_weight', [0.0, 2.0])
@pytest.mark.parametrize('max_distance', [None, 1.5])
def test_votes_by_the_long_way(class_weight, max_distance):
    ori = (37, 45)
    views = [_random_view((9, 12), (35, 43), ori), _random_view((14, 16), (53, 64), ori, seed=2)]
    if max_distance is not None:  # the second class has no peaks
        for view in views:
            view.heatmap_logits[1] -= 20
    for number in (1, 2):
        merged = merge_views(views[:number], number)
        options = dict(class_weight=class_weight, max_distance=max_distance)
        result = _fusion(grouping='vote', **options).group(merged)
        shapes, labels = merged.shapes, finish(merged.decide()).labels.long()
        probabilities = torch.stack(
            [resize_maps(v.semantic_logits, v.shapes).softmax(dim=0) for v in views[:number]]
        ).mean(dim=0)
        # Channels of stuff, which has no peaks.
        heatmap = torch.cat((merged.heatmap_logits.sigmoid(), torch.zeros(C_ST, 9, 12)))
        heatmap = heatmap.gather(0, merged.cell_labels[None])
        peaks = find_peaks(heatmap, kernel_size=3, valid=shapes.valid_cells((9, 12)))
        embedding = torch.cat(merged.embeddings)
        centroids = embedding[:, peaks.xy[:, 1], peaks.xy[:, 0]]
        differences = resize_maps(embedding, shapes)[:, None] - centroids[..., None, None]
        classes = merged.cell_labels[peaks.xy[:, 1], peaks.xy[:, 0]]
        prior = number * resize_maps(merged.semantic_logits, shapes)[classes]
        unlikeliness = differences.square().sum(dim=0) / 2 - class_weight * prior
        owner = unlikeliness.argmin(dim=0).masked_fill(labels >= C_TH, -1)
        if max_distance is not None:
            squared = differences.square().sum(dim=0).gather(0, owner.clamp(min=0)[None])[0]
            is_stray = (labels < C_TH) & ~torch.isin(labels, classes)
            is_far = squared / number > max_distance**2
            assert 0 < is_far[is_stray].sum() < is_stray.sum()
            owner[is_stray & is_far] = -1
        expected = torch.where(labels < C_TH, VOID, labels)
        kept = [k for k in range(len(peaks.labels)) if (owner == k).any()]
        assert len(kept) > 3
        for instance, k in enumerate(kept, start=1):
            mask = owner == k
            label = int(labels[mask].bincount().argmax())
            expected[mask] = label + 1000 * instance
            score = peaks.scores[k] * probabilities[label][mask].mean()
            assert result.labels[instance - 1] == label
            assert result.scores[instance - 1].item() == pytest.approx(score.item(), rel=1e-4)
        assert result.panoptic.equal(expected.int())
        assert result.sem_seg.equal(labels.byte())


def test_an_object_of_two_minds_stays_whole_by_vote():
    logits, heatmap, embedding = _two_discs()
    # The lower third of the left disc looks like the other thing class, which has no peak.
    logits[:, 5, 2:5] = torch.tensor([0.0, 6.0, 0.0, 0.0])[:, None]
    whole = _same_size(logits, heatmap, embedding, grouping='vote')
    cut = _same_size(logits, heatmap, embedding)
    assert whole.labels.tolist() == cut.labels.tolist() == [0, 0]
    assert whole.panoptic[22, 14] == 1000
    assert cut.panoptic[22, 14] == VOID
    assert whole.sem_seg[22, 14] == cut.sem_seg[22, 14] == 1


def test_an_object_without_a_peak_is_void_or_goes_to_a_near_one():
    logits, heatmap, embedding = _two_discs(same_class=False)
    heatmap[1] = -6
    # The right disc's embedding (-1, 2) is sqrt(8) from the left one's (1, 0).
    joined = _same_size(logits, heatmap, embedding, grouping='vote', max_distance=2.9)
    assert joined.panoptic[17, 33] == joined.panoptic[13, 13]
    void = _same_size(logits, heatmap, embedding, grouping='vote', max_distance=2.8)
    assert void.labels.tolist() == [0]
    assert void.panoptic[13, 13] == 1000
    assert void.panoptic[17, 33] == VOID
    # Where every class has a peak the nearest takes each pixel, however far it is.
    heatmap[1, 4, 8] = 1.0
    both = _same_size(logits, heatmap, embedding, grouping='vote', max_distance=0.1)
    assert both.panoptic.unique().tolist() == [2, 3, 1000, 2001]


def test_votes_seek_peaks_where_heatmap_and_semantics_agree():
    logits, heatmap, embedding = _two_discs(same_class=False)
    # The other class has a peak on the left disc, higher than the disc's own.
    heatmap[1, 3, 1] = 4.0
    result = _same_size(logits, heatmap, embedding, grouping='vote')
    assert result.centroids.tolist() == [[13.5, 13.5], [33.5, 17.5]]
    logits[:, 3, 1] = torch.tensor([0.0, 6.0, 0.0, 0.0])
    result = _same_size(logits, heatmap, embedding, grouping='vote')
    assert [5.5, 13.5] in result.centroids.tolist()


@pytest.mark.parametrize(
    ('class_weight', 'expected'), [(0.0, 2001), (0.3, 2001), (0.4, 1000), (9.0, 1000)]
)
def test_semantics_and_embedding_are_weighed(class_weight, expected):
    logits, heatmap, embedding = _two_discs(same_class=False)
    # A cell of the left disc's class by a logit of 6, whose embedding is nearer to the right one's
    # (-1, 2) than to (1, 0): squared distances 0.5 and 4.5. Half their difference is 2 = 6 / 3.
    logits[:, 3, 6] = torch.tensor([6.0, 0.0, 0.0, 0.0])
    embedding[:, 3, 6] = torch.tensor([-0.5, 1.5])
    fusion = _fusion(grouping='vote', kernel_size=5, class_weight=class_weight)
    cell_is_pixel = Shapes((8, 12), (8, 12), (8, 12))
    result = fusion(_outputs(logits, heatmap, embedding), cell_is_pixel)
    assert result.panoptic[3, 6] == expected
    assert result.labels.tolist() == [0, 1]


@pytest.mark.parametrize('grouping', ['class', 'vote'])
def test_two_peaks_of_one_embedding_are_one_instance(grouping):
    logits, heatmap, embedding = _two_discs()
    # A second peak on the left disc, where the embedding differs a little.
    heatmap[0, 4, 5] = 1.5
    embedding[0, :, 4:6] += 0.5 * (embedding[0, :, 4:6] == 1)
    options = dict(grouping=grouping, kernel_size=1)
    assert len(_same_size(logits, heatmap, embedding, **options).labels) == 3
    result = _same_size(logits, heatmap, embedding, **options, min_peak_distance=0.75)
    assert result.centroids.tolist() == [[13.5, 13.5], [33.5, 17.5]]


def test_votes_without_any_peak():
    logits, heatmap, embedding = _two_discs()
    result = _same_size(logits, heatmap - 9, embedding, grouping='vote')
    assert result.labels.tolist() == []
    assert result.panoptic.unique().tolist() == [2, 3, VOID]


def test_an_unknown_grouping_is_refused():
    with pytest.raises(ValueError, match="'class', 'vote'"):
        _fusion(grouping='offsets')


@pytest.mark.parametrize(('kernel_size', 'found'), [(7, [2, 2]), (9, [1, 1]), (8, [2, 1])])
def test_only_an_odd_window_treats_the_mirror_image_alike(kernel_size, found):
    # Two peaks, four cells apart: a window of 8 reaches four cells to the right, three to the left.
    logits = torch.zeros(VOID, 1, 12)
    logits[0] = 5
    heatmap = torch.full((C_TH, 1, 12), -6.0)
    heatmap[0, 0, 3], heatmap[0, 0, 7] = 3.0, 2.0
    maps = [logits, heatmap, torch.randn(2, 1, 12)]
    shapes = Shapes((4, 48), (4, 48), (4, 48))
    results = [
        _fusion(kernel_size=kernel_size)(_outputs(*(m.flip(dims) for m in maps)), shapes)
        for dims in ([], [-1])
    ]
    assert [len(result.labels) for result in results] == found


def test_more_classes_than_a_byte_holds_are_refused():
    with pytest.raises(ValueError, match='at most 254 classes'):
        EmbeddingPanopticFusion(200, 55)


@pytest.mark.gpu
def test_gpu_gives_the_same():
    if not torch.cuda.is_available():
        pytest.skip('needs a GPU')
    maps = _two_discs()
    expected = _same_size(*maps)
    result = _same_size(*(values.cuda() for values in maps))
    for ours, theirs in zip(result, expected, strict=True):
        torch.testing.assert_close(ours.cpu(), theirs)
