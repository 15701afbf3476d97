import pytest
import torch
from mmdet.registry import MODELS

from einet.functional.task_losses import bootstrapped_cross_entropy, heatmap_mse_loss
from einet.models.coarse_maps import nearest
from einet.panoptic_deeplab.offsets import offset_l1_loss
from einet.panoptic_deeplab.outputs import PanopticDeepLabOutputs
from einet.panoptic_deeplab.targets import build_center_targets

from ..models.samples import make_sample

SAMPLES = [
    make_sample((16, 24), [(1, 4, 4, 12, 8), (0, 16, 0, 24, 12)], void_rows=3),
    make_sample((16, 24), []),
]


LOSSES = dict(
    semantic=dict(type='BootstrappedCrossEntropyLoss', top_fraction=0.5, loss_weight=3.0),
    heatmap=dict(type='HeatmapMSELoss'),
    offset=dict(type='OffsetL1Loss'),
)


def _build(losses=LOSSES, **options):
    return MODELS.build(dict(type='PanopticDeepLabCriterion', losses=losses, **options))


def _maps(batch=2):
    generator = torch.Generator().manual_seed(0)
    maps = (torch.randn(batch, n, 4, 6, generator=generator).requires_grad_() for n in (3, 1, 2))
    return PanopticDeepLabOutputs(*maps)


@pytest.mark.parametrize('stride', [1, 2])
def test_each_loss_gets_its_maps_and_targets(stride):
    outputs = _maps()
    logits, heatmap, offsets = outputs
    targets = build_center_targets(SAMPLES, (4, 6))
    losses = _build(semantic_stride=stride)(outputs, targets)
    size = (16 // stride, 24 // stride)
    upsampled = torch.nn.functional.interpolate(logits, size, mode='bilinear')
    labels, weights = (nearest(m, size) for m in (targets.sem_seg, targets.pixel_weights))
    expected = {
        'loss_semantic': 3 * bootstrapped_cross_entropy(upsampled, labels, weights, 0.5),
        'loss_heatmap': 200 * heatmap_mse_loss(heatmap, targets.heatmap, targets.heatmap_mask),
        'loss_offset': 0.01 * offset_l1_loss(offsets, targets.offsets, targets.offset_mask),
    }
    assert losses.keys() == expected.keys()
    for name, value in losses.items():
        torch.testing.assert_close(value, expected[name])


def test_offsets_count_on_things_only_and_the_heatmap_outside_void():
    outputs = _maps()
    logits, heatmap, offsets = outputs
    targets = build_center_targets(SAMPLES, (4, 6))
    sum(_build()(outputs, targets).values()).backward()
    assert (offsets.grad != 0).any(dim=1, keepdim=True).equal(targets.offset_mask)
    assert (heatmap.grad != 0).equal(targets.heatmap_mask)


def test_all_void_is_zero_with_a_live_graph():
    maps = _maps(batch=1)
    targets = build_center_targets([make_sample((16, 24), [], void_rows=16)], (4, 6))
    losses = _build()(maps, targets)
    sum(losses.values()).backward()
    assert [value.item() for value in losses.values()] == [0, 0, 0]
    assert all(m.grad is not None and m.grad.abs().sum() == 0 for m in maps)


@pytest.mark.parametrize(
    'losses', [{**LOSSES, 'center': LOSSES['offset']}, {'semantic': LOSSES['semantic']}]
)
def test_other_losses_are_refused(losses):
    with pytest.raises(ValueError, match=r"must be \('semantic', 'heatmap', 'offset'\), got"):
        _build(losses)
