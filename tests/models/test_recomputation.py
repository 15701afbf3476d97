"""Less memory, and nothing else that differs."""

import copy

import pytest
import torch
from mmdet.registry import MODELS
from torch import nn

from einet.models.backbones import Xception41
from einet.models.recomputation import turn_on_recomputation

from .samples import make_sample
from .tiny import tiny_model, tiny_panoptic_deeplab

PARTS = ['backbone', 'semantic_decoder', 'instance_decoder']


def _step(model):
    """Losses, gradients and buffers of a training step; and bytes kept for the backward pass."""
    samples = [make_sample((64, 96), [(0, 4, 4, 40, 30), (1, 50, 8, 90, 60)]) for _ in range(2)]
    images = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    kept = []

    def keep(tensor):
        kept.append(tensor.nbytes)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        losses = model.loss(images, samples)
    sum(losses.values()).backward()
    state = {f'loss.{name}': loss.detach() for name, loss in losses.items()}
    state |= {f'gradient.{name}': p.grad for name, p in model.named_parameters()}
    return state | {f'buffer.{name}': b.clone() for name, b in model.named_buffers()}, sum(kept)


@pytest.mark.parametrize('config', [tiny_model, tiny_panoptic_deeplab])
def test_a_step_is_the_same_bit_by_bit_and_keeps_less(config):
    torch.manual_seed(0)
    plain = MODELS.build(config()).train()
    heads = [name for name, _ in plain.named_children() if name.endswith('_head')]
    assert len(heads) == 3
    recomputed = MODELS.build(config(activation_checkpointing=[*PARTS, *heads])).train()
    recomputed.load_state_dict(plain.state_dict())
    (expected, much), (state, little) = _step(plain), _step(recomputed)
    assert state.keys() == expected.keys() and 'buffer.backbone.bn1.running_var' in state
    different = [name for name, value in expected.items() if not torch.equal(state[name], value)]
    assert different == []
    assert state['buffer.semantic_decoder.fuse4.depthwise_conv.bn.num_batches_tracked'] == 1
    assert little < 0.7 * much


class Counting(nn.Module):
    """Adds 1 and counts its calls, which a recomputation must not see in the buffer."""

    def __init__(self):
        super().__init__()
        self.register_buffer('calls', torch.zeros(()))
        self.runs = 0

    def forward(self, x):
        self.runs += 1
        self.calls += 1
        return (x + 1).square()


@pytest.mark.parametrize(
    ('names', 'runs'), [(['1'], [1, 2, 1]), (['1', '2'], [1, 2, 2]), (['2.0'], [1, 1, 2])]
)
def test_the_named_parts_and_no_others_run_twice(names, runs):
    layers = [Counting(), Counting(), nn.Sequential(Counting())]
    model = nn.Sequential(*layers)
    turn_on_recomputation(model, names)
    weight = torch.tensor(2.0, requires_grad=True)
    model(weight).backward()
    counters = [*layers[:2], layers[2][0]]
    assert [counter.runs for counter in counters] == runs
    assert [counter.calls.item() for counter in counters] == [1, 1, 1]
    # (((w + 1)^2 + 1)^2 + 1)^2 at w = 2: 9, 100, 101^2; the slopes are 6, 20 and 202.
    assert weight.grad.item() == 6 * 20 * 202
    with torch.no_grad():
        model(weight)
    assert [counter.runs for counter in counters] == [run + 1 for run in runs]


class Staged(nn.Module):
    """A stem, and a sequence of as many layers as are asked for."""

    def __init__(self, layers):
        super().__init__()
        self.stem = Counting()
        self.layers = nn.Sequential(*(Counting() for _ in range(layers)))

    def forward(self, x):
        return self.layers(self.stem(x) / 4)


@pytest.mark.parametrize(('layers', 'runs'), [(3, [2, 2, 2, 2]), (2, [2, 2, 2])])
def test_a_stem_is_recomputed_without_the_layers_behind_it(layers, runs):
    model = nn.ModuleDict(dict(backbone=Staged(layers)))
    turn_on_recomputation(model, ['backbone'])
    counters = [model['backbone'].stem, *model['backbone'].layers]
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        weight = torch.tensor(1.0, requires_grad=True)
        output = model['backbone'](2 * weight)
    output.backward()
    assert [counter.runs for counter in counters] == runs
    assert [counter.calls.item() for counter in counters] == [1] * (layers + 1)
    # Nothing but the input.
    assert [tensor.item() for tensor in kept] == [2]
    # 2 w -> (2 w + 1)^2 / 4 -> its squares: 9/4, (13/4)^2, (185/16)^2, ...
    expected = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    value = (2 * expected + 1) ** 2 / 4
    for _ in range(layers):
        value = (value + 1) ** 2
    value.backward()
    torch.testing.assert_close(weight.grad, expected.grad.float())


def test_layers_of_a_backbone_are_recomputed_one_by_one():
    with torch.device('meta'):
        backbone = MODELS.build(tiny_model().backbone)
        xception = Xception41(with_cp=True)
    turn_on_recomputation(backbone, ['layer1'])
    own = [name for name, module in backbone.named_modules() if 'forward' in vars(module)]
    assert own == ['layer1.0', 'layer1.1']
    own = [name for name, module in xception.named_modules() if 'forward' in vars(module)]
    assert own == [f'blocks.{i}' for i in range(len(xception.blocks))]


def test_a_copy_computes_with_its_own_weights():
    model = nn.Sequential(nn.Linear(1, 1, bias=False))
    turn_on_recomputation(model, ['0'])
    average = copy.deepcopy(model)
    nn.init.constant_(model[0].weight, 2.0)
    nn.init.constant_(average[0].weight, 3.0)
    x = torch.ones(1, 1)
    assert (model(x).item(), average(x).item()) == (2, 3)


def test_unknown_parts_are_named():
    with pytest.raises(
        ValueError, match=r'activation_checkpointing names.*: neck2; it has data_preprocessor, back'
    ):
        MODELS.build(tiny_model(activation_checkpointing=['backbone', 'neck2']))
    with pytest.raises(ValueError, match='itself'):
        turn_on_recomputation(nn.Sequential(nn.Linear(1, 1)), [''])


def test_a_part_that_holds_the_centers_is_refused():
    with pytest.raises(ValueError, match='cannot have interaction: it holds Q'):
        MODELS.build(tiny_model(activation_checkpointing=['interaction']))
