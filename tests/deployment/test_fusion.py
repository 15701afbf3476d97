"""The batched fusion against the one that PyTorch's predictions come from."""

import pytest
import torch

from einet.deployment.fusion import BatchFusion
from einet.deployment.grid import make_grid
from einet.functional.resize import Shapes
from einet.models.fusion import EmbeddingPanopticFusion

from .maps import outputs_of, smooth_maps

SHAPES = [
    Shapes(padded=(80, 112), img=(76, 100), ori=(61, 90)),
    Shapes(padded=(80, 112), img=(80, 112), ori=(120, 131)),
    Shapes(padded=(80, 112), img=(50, 112), ori=(50, 112)),
]


def _options(**options):
    defaults = dict(num_things_classes=3, num_stuff_classes=3, kernel_size=5, peak_threshold=0.3)
    return EmbeddingPanopticFusion(**{**defaults, 'top_k': 7, 'stuff_area': 300, **options})


def _segment(fusion, shapes, seed, max_peaks=300):
    logits, noise, embedding = (
        smooth_maps(seed + part, channels, (20, 28)) for part, channels in enumerate((6, 3, 5))
    )
    # Peaks mostly lie on pixels of their class.
    maps = (logits, logits[:, :3] + noise, embedding)
    sizes = torch.tensor(shapes.img), torch.tensor(shapes.ori)
    grid = make_grid((20, 28), shapes.padded, *sizes, like=logits)
    batch = BatchFusion(fusion, max_peaks)(*maps, grid)
    return batch, [fusion(outputs_of(*maps, image), shapes) for image in range(2)]


@pytest.mark.parametrize(
    'rule',
    [
        dict(grouping='class'),
        dict(grouping='vote'),
        dict(grouping='vote', class_weight=2.0),
        dict(grouping='vote', max_distance=1.5),
    ],
    ids=str,
)
@pytest.mark.parametrize('min_peak_distance', [0.0, 3.0])
@pytest.mark.parametrize('shapes', SHAPES, ids=str)
def test_a_batch_is_segmented_as_its_images_one_by_one(rule, min_peak_distance, shapes):
    fusion = _options(**rule, min_peak_distance=min_peak_distance)
    batch, singles = _segment(fusion, shapes, seed=30)
    for image, expected in enumerate(singles):
        assert len(expected.labels) > 1
        there = batch.panoptic_ids[image] > 0
        assert torch.equal(batch.panoptic_seg[image], expected.panoptic)
        assert torch.equal(batch.panoptic_ids[image][there], expected.panoptic_ids)
        assert torch.equal(batch.labels[image][there], expected.labels)
        torch.testing.assert_close(batch.scores[image][there], expected.scores)
        assert batch.scores[image][~there].tolist() == [0.0] * int((~there).sum())


@pytest.mark.parametrize('grouping', ['class', 'vote'])
def test_without_peaks_things_are_void(grouping):
    batch, singles = _segment(_options(grouping=grouping, peak_threshold=1.0), SHAPES[0], seed=30)
    assert batch.panoptic_ids.max() == 0
    for image, expected in enumerate(singles):
        assert torch.equal(batch.panoptic_seg[image], expected.panoptic)


def test_of_too_many_peaks_the_strongest_stay():
    batch, singles = _segment(_options(), SHAPES[0], seed=30, max_peaks=2)
    assert batch.panoptic_ids.shape == (2, 2)
    assert all(len(expected.labels) > 2 for expected in singles)
