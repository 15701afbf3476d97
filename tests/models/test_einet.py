from functools import partial

import pytest
import torch
from mmdet.registry import MODELS
from torch import nn

from einet.functional.parts import split_rows
from einet.models import EINet, EINetOutputs

from .samples import make_sample
from .tiny import tiny_model

SIZE = (32, 48)
NAMES = ('semantic', 'heatmap', 'center', 'push', 'pull', 'consistency', 'centroid')
ALL_LOSSES = {f'loss_{name}' for name in (*NAMES, 'calibrated', 'unused')}
IMAGES = {
    'two classes': dict(boxes=[(0, 4, 4, 12, 12), (1, 20, 8, 40, 24)]),
    'one instance': dict(boxes=[(1, 4, 4, 12, 12)]),
    'one pixel': dict(boxes=[(0, 17, 9, 18, 10)]),
    'no things': dict(boxes=[]),
    'all void': dict(boxes=[], void_rows=SIZE[0]),
    'things on void': dict(boxes=[(0, 4, 4, 12, 12)], void_rows=SIZE[0]),
    'only things': dict(boxes=[(0, 0, 0, 24, 32), (0, 24, 0, 48, 32)]),
}


def _build(**overrides):
    torch.manual_seed(0)
    model = MODELS.build(tiny_model(**overrides))
    model.init_weights()
    return model.train()


def _batch(*names):
    samples = [make_sample(SIZE, **IMAGES[name]) for name in names]
    inputs = torch.randn(len(samples), 3, *SIZE, generator=torch.Generator().manual_seed(1))
    return inputs, samples


def _assert_trains(model, batch):
    losses = model.loss(*batch)
    total = sum(losses.values())
    total.backward()
    assert torch.isfinite(total)
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
    return losses


@pytest.mark.parametrize('name', IMAGES)
def test_every_ordinary_image_gives_every_parameter_a_gradient(name):
    losses = _assert_trains(_build(), _batch(name, name))
    assert set(losses) == ALL_LOSSES


def test_things_move_every_parameter():
    # A gradient of zero is what a part gets that is not connected, see `loss_unused`.
    model = _build(backbone=dict(zero_init_residual=False))
    _assert_trains(model, _batch('two classes', 'one instance'))
    assert [name for name, p in model.named_parameters() if not p.grad.any()] == []


def test_both_attentions_learn_from_the_means_alone():
    model = _build(criterion=dict(losses={name: None for name in NAMES if name != 'consistency'}))
    _assert_trains(model, _batch('two classes'))
    parts = dict(model.named_parameters())
    attentions = [name for name in parts if 'attention' in name]
    assert {name.split('.')[0] for name in attentions} == {'semantic_head', 'instance_head'}
    assert all(parts[name].grad.any() for name in attentions)


@pytest.mark.parametrize('mode', ['extra', 'replace', 'none'])
def test_calibration_modes_train(mode):
    _assert_trains(_build(interaction=dict(calibration=mode)), _batch('two classes', 'no things'))


@pytest.mark.parametrize('name', NAMES)
def test_every_loss_can_be_left_out(name):
    model = _build(criterion=dict(losses={name: None}))
    losses = _assert_trains(model, _batch('two classes', 'no things'))
    gone = {'loss_semantic', 'loss_calibrated'} if name == 'semantic' else {f'loss_{name}'}
    assert set(losses) == ALL_LOSSES - gone


def test_without_any_loss_every_parameter_has_a_gradient_of_zero():
    model = _build(criterion=dict(losses=dict.fromkeys(NAMES)))
    losses = _assert_trains(model, _batch('two classes'))
    assert losses == {'loss_unused': 0}
    assert all((parameter.grad == 0).all() for parameter in model.parameters())


@pytest.mark.parametrize('ins_aug', [True, False])
@pytest.mark.parametrize('sem_aug', [True, False])
@pytest.mark.parametrize('cen_reg', [True, False])
def test_table_3_switches(ins_aug, sem_aug, cen_reg):
    kept = {'consistency': ins_aug, 'centroid': cen_reg}
    switched_off = {name: None for name, keep in kept.items() if not keep}
    model = _build(criterion=dict(losses=switched_off), interaction=dict(sem_aug=sem_aug))
    losses = _assert_trains(model, _batch('two classes', 'all void'))
    gone = [*switched_off] + ([] if sem_aug else ['calibrated'])
    assert set(losses) == ALL_LOSSES - {f'loss_{name}' for name in gone}


def test_images_of_a_batch_do_not_see_each_other_in_embedding_losses():
    model = _build().eval()
    names = ('two classes', 'no things', 'one instance')
    inputs, samples = _batch(*names)
    together = model.loss(inputs, samples)
    apart = [model.loss(inputs[i : i + 1], samples[i : i + 1]) for i in range(3)]
    for key in ('loss_push', 'loss_pull', 'loss_consistency', 'loss_centroid'):
        expected = (apart[0][key] + apart[2][key]) / 2
        torch.testing.assert_close(together[key], expected)
    expected = sum(each['loss_center'] for each in apart) / 3
    torch.testing.assert_close(together['loss_center'], expected)


def test_bands_of_rows_give_the_losses_and_gradients_of_the_whole(monkeypatch):
    results = []
    for max_values in (1 << 22, 3 * 8 * 12 * 3):  # the second: bands of three rows
        bands = partial(split_rows, max_values=max_values)
        monkeypatch.setattr('einet.models.einet.split_rows', bands)
        model = _build(embed_dims=8).double()
        inputs, samples = _batch('two classes', 'no things', 'one instance')
        losses = model.loss(inputs.double(), samples)
        sum(losses.values()).backward()
        results.append((losses, [parameter.grad for parameter in model.parameters()]))
    torch.testing.assert_close(*results)


def test_the_calibrated_term_comes_on_top_of_the_raw_one():
    values = {}
    for mode in ('extra', 'replace', 'none'):
        model = _build(interaction=dict(calibration=mode), criterion=dict(calibrated_weight=0.3))
        values[mode] = model.eval().loss(*_batch('two classes'))
    assert values['extra']['loss_semantic'] == values['none']['loss_semantic']
    assert values['extra']['loss_semantic'] != values['replace']['loss_semantic']
    assert not {'loss_calibrated'} & (values['replace'].keys() | values['none'].keys())


def test_the_calibrated_term_moves_instances_and_not_the_classifier():
    model = _build()
    model.loss(*_batch('two classes'))['loss_calibrated'].backward()
    moved = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert any(name.startswith('instance_head.embedding') for name in moved)
    assert not any(name.startswith('semantic_head.classifier') for name in moved)


def test_tensor_mode_gives_named_maps():
    inputs, samples = _batch('two classes')
    outputs = _build().eval()(inputs, samples, mode='tensor')
    assert isinstance(outputs, EINetOutputs)
    assert outputs.semantic_embedding.shape == outputs.instance_embedding.shape == (1, 8, 8, 12)
    assert outputs.semantic_logits.shape == (1, 3, 8, 12)
    assert outputs.heatmap_logits.shape == (1, 2, 8, 12)
    assert outputs.semantic_attention.shape == outputs.instance_attention.shape == (1, 1, 8, 12)


@torch.no_grad()
def test_prediction_has_the_size_of_the_original_image():
    inputs, samples = _batch('two classes', 'no things')
    samples[0].set_metainfo(dict(ori_shape=(61, 90), img_shape=(30, 44)))
    model = _build().eval()
    predicted = model.predict(inputs, samples)
    assert predicted[0].pred_panoptic_seg.sem_seg.shape == (1, 61, 90)
    assert predicted[1].pred_panoptic_seg.sem_seg.shape == (1, 32, 48)
    assert model.predict(inputs, samples, rescale=False)[0].pred_sem_seg.sem_seg.shape == (
        1,
        30,
        44,
    )
    for sample in predicted:
        ids = sample.pred_panoptic_seg.sem_seg.unique()
        assert set(sample.pred_instances.panoptic_ids.tolist()) == set(ids[ids >= 1000].tolist())
        assert ((ids % 1000) <= 3).all()


def test_mixed_precision_keeps_losses_and_centers_in_float32():
    model = _build()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        losses = model.loss(*_batch('two classes', 'one instance'))
    assert all(value.dtype == torch.float32 for value in losses.values())
    sum(losses.values()).backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())
    assert model.interaction.centers.staged_numerator.dtype == torch.float32


def test_parts_get_the_class_counts_from_one_place():
    model = _build(num_things_classes=5, num_stuff_classes=4, embed_dims=6)
    assert isinstance(model, EINet)
    assert isinstance(model.centroid_head, nn.Module)
    assert model.centroid_head.predictor.weight.shape[0] == 5
    assert model.semantic_head.classifier.weight.shape[:2] == (9, 6)
    assert model.interaction.centers.centers.shape == (9, 6)
    assert model.fusion.num_classes == 9
