import pytest
import torch
from mmdet.registry import MODELS

from einet.models.heads import CentroidHeatmapHead
from einet.panoptic_deeplab import PanopticDeepLab, PanopticDeepLabOutputs

from ..models.samples import make_sample
from ..models.tiny import tiny_model, tiny_panoptic_deeplab

SIZE = (32, 48)
LOSSES = {'loss_semantic', 'loss_heatmap', 'loss_offset'}
IMAGES = {
    'two classes': dict(boxes=[(0, 4, 4, 12, 12), (1, 20, 8, 40, 24)]),
    'one pixel': dict(boxes=[(0, 17, 9, 18, 10)]),
    'no things': dict(boxes=[]),
    'all void': dict(boxes=[], void_rows=SIZE[0]),  # crowd, too, is packed as void
    'only things': dict(boxes=[(0, 0, 0, 24, 32), (0, 24, 0, 48, 32)]),
}


def _build(**overrides):
    torch.manual_seed(0)
    model = MODELS.build(tiny_panoptic_deeplab(**overrides))
    model.init_weights()
    return model.train()


def _batch(*names):
    samples = [make_sample(SIZE, **IMAGES[name]) for name in names]
    inputs = torch.randn(len(samples), 3, *SIZE, generator=torch.Generator().manual_seed(1))
    return inputs, samples


@pytest.mark.parametrize('names', [(name, name) for name in IMAGES] + [tuple(IMAGES)], ids=str)
def test_every_ordinary_image_trains_every_parameter(names):
    model = _build()
    losses = model.loss(*_batch(*names))
    assert set(losses) == LOSSES
    sum(losses.values()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
    if set(names) == {'all void'}:
        assert sum(losses.values()) == 0


def test_loss_does_not_depend_on_the_order_of_instances():
    model = _build().eval()
    boxes = IMAGES['two classes']['boxes']
    inputs = _batch('two classes')[0]
    one, other = (model.loss(inputs, [make_sample(SIZE, b)]) for b in (boxes, boxes[::-1]))
    for name in LOSSES:
        torch.testing.assert_close(one[name], other[name])


def test_target_options_reach_the_targets():
    batch = _batch('two classes')
    wide, narrow = (_build(targets=dict(sigma=sigma)).eval().loss(*batch) for sigma in (8, 1))
    assert wide['loss_heatmap'] != narrow['loss_heatmap']
    assert wide['loss_offset'] == narrow['loss_offset']


def test_tensor_mode_gives_named_maps():
    inputs, samples = _batch('two classes', 'no things')
    outputs = _build().eval()(inputs, samples, mode='tensor')
    assert isinstance(outputs, PanopticDeepLabOutputs)
    assert outputs.semantic_logits.shape == (2, 3, 8, 12)
    assert outputs.heatmap_logits.shape == (2, 1, 8, 12)
    assert outputs.offsets.shape == (2, 2, 8, 12)


@torch.no_grad()
def test_prediction_has_the_size_of_the_original_image():
    inputs, samples = _batch('two classes', 'no things')
    samples[0].set_metainfo(dict(ori_shape=(61, 90), img_shape=(30, 44)))
    model = _build(fusion=dict(kernel_size=3, peak_threshold=0.0)).eval()
    predicted = model.predict(inputs, samples)
    assert predicted[0].pred_panoptic_seg.sem_seg.shape == (1, 61, 90)
    assert predicted[1].pred_panoptic_seg.sem_seg.shape == (1, 32, 48)
    for sample in predicted:
        ids = sample.pred_panoptic_seg.sem_seg.unique()
        assert set(sample.pred_instances.panoptic_ids.tolist()) == set(ids[ids >= 1000].tolist())
        assert ((ids % 1000) <= 3).all()
    resized = model.predict(inputs, samples, rescale=False)
    assert resized[0].pred_sem_seg.sem_seg.shape == (1, 30, 44)


def test_mixed_precision_keeps_losses_in_float32():
    model = _build()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        losses = model.loss(*_batch('two classes', 'one pixel'))
    assert all(value.dtype == torch.float32 for value in losses.values())
    sum(losses.values()).backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())


def test_parts_get_the_class_counts_from_one_place():
    model = _build(num_things_classes=5, num_stuff_classes=4)
    assert isinstance(model, PanopticDeepLab)
    assert isinstance(model.center_head, CentroidHeatmapHead)
    assert model.center_head.predictor.weight.shape[0] == 1
    assert model.semantic_head.predictor.weight.shape[0] == 9
    assert model.fusion.num_classes == 9


def test_encoder_and_decoders_are_einets():
    own, einets = tiny_panoptic_deeplab(), tiny_model()
    for part in ('data_preprocessor', 'backbone', 'semantic_decoder', 'instance_decoder'):
        assert own[part] == einets[part]
    model, reference = MODELS.build(own), MODELS.build(einets)
    for part in ('backbone', 'semantic_decoder', 'instance_decoder'):
        shapes = [
            {name: p.shape for name, p in getattr(m, part).state_dict().items()}
            for m in (model, reference)
        ]
        assert shapes[0] == shapes[1]


@pytest.mark.slow
def test_it_learns_two_images():
    model = _build()
    batch = _batch('two classes', 'only things')
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(60):
        losses = model.loss(*batch)
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
    first = _build().loss(*batch)
    assert losses['loss_semantic'] < 0.5 * first['loss_semantic']
    assert losses['loss_offset'] < 0.5 * first['loss_offset']
    model.eval()
    with torch.no_grad():
        found = model.predict(*batch)
    assert [len(sample.pred_instances) for sample in found] == [2, 2]


def test_checkpoint_of_other_classes_is_refused_or_transferred():
    source = _build().state_dict()
    with pytest.raises(RuntimeError, match=r'semantic_head\.predictor\.weight: 3 x 64 x 1 x 1 aga'):
        _build(num_stuff_classes=3).load_state_dict(source)
    model = _build(num_stuff_classes=3, allow_other_classes=True)
    missing, unexpected = model.load_state_dict(dict(source), strict=False)
    assert set(missing) == {'semantic_head.predictor.weight', 'semantic_head.predictor.bias'}
    assert not unexpected
