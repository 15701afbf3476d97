"""What stays in float32 when the network runs in half precision, and values at its limits."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from mmdet.registry import MODELS
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from .models.samples import make_sample
from .models.tiny import tiny_model

HALVES = [torch.float16, torch.bfloat16]
# Exponentials, logarithms, distances and long sums; convolutions and copies are not among them.
DELICATE = {
    'exp', 'log', 'log_sigmoid_forward', 'sigmoid', '_softmax', '_log_softmax', 'logsumexp', 'pow',
    'linalg_vector_norm', '_pdist_forward', 'sqrt', 'index_add', 'mm', 'nll_loss2d_forward',
}  # fmt: skip
SIZE = (64, 96)
BOXES = [(0, 4, 4, 40, 30), (1, 50, 8, 90, 60)]


def _model(**options):
    torch.manual_seed(0)
    return MODELS.build(tiny_model(**options)).train()


def _batch():
    images = torch.randn(2, 3, *SIZE, generator=torch.Generator().manual_seed(1))
    return images, [make_sample(SIZE, BOXES), make_sample(SIZE, BOXES[:1])]


class Watch(TorchDispatchMode):
    """Counts operations of half-precision tensors by name."""

    def __init__(self):
        super().__init__()
        self.half = Counter()

    def __torch_dispatch__(self, function, _types, args=(), kwargs=None):
        tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
        if any(t.dtype in HALVES for t in tensors):
            self.half[function.__name__.partition('.')[0]] += 1
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize('dtype', HALVES)
def test_distances_exponentials_centers_and_losses_are_float32(dtype):
    model = _model()
    seen = {}
    model.criterion.register_forward_pre_hook(
        lambda _module, _args, kwargs: seen.update(kwargs), with_kwargs=True
    )
    with Watch() as watch, torch.autocast('cpu', dtype=dtype):
        losses = model.loss(*_batch())
    assert watch.half['convolution'] > 20
    assert seen['outputs'].semantic_logits.dtype == dtype
    assert DELICATE & watch.half.keys() == set()
    assert {loss.dtype for loss in losses.values()} == {torch.float32}
    assert {v.dtype for values in seen['summary'] for v in values} == {torch.float32}
    centers = model.interaction.centers
    for values in (seen['centers'], centers.staged_numerator, centers.staged_denominator):
        assert values.dtype == torch.float32
    centers.commit()
    assert centers.centers.dtype == torch.float32 and centers.centers.norm(dim=1).min() > 0.5


def _scaled_gradient(model, dtype, scaler):
    """All gradients in one vector; the scaler learns whether they are finite."""
    model.zero_grad()
    with torch.autocast('cpu', dtype=dtype, enabled=dtype != torch.float32):
        losses = model.loss(*_batch())
    scaler.scale(sum(losses.values())).backward()
    model.interaction.centers.keep_staged()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    return torch.cat([p.grad.flatten() for p in model.parameters()])


def test_float16_with_loss_scaling_gives_the_gradients_of_float32():
    model = _model()
    expected = _scaled_gradient(model, torch.float32, torch.amp.GradScaler('cpu', init_scale=1.0))
    # An untrained heatmap's gradients are large: the scaler leaves steps out until they fit.
    scaler = torch.amp.GradScaler('cpu', init_scale=2.0**14, backoff_factor=2.0**-12)
    gradients = [_scaled_gradient(model, torch.float16, scaler) for _ in range(2)]
    assert scaler.get_scale() == 4
    assert [gradient.isfinite().all().item() for gradient in gradients] == [False, True]
    assert torch.cosine_similarity(gradients[1], expected, dim=0) > 0.97
    assert gradients[1].norm() == pytest.approx(expected.norm().item(), rel=0.1)


@pytest.mark.parametrize('dtype', [torch.float32, *HALVES])
@pytest.mark.parametrize('magnitude', [1e-8, 1e4])
def test_extreme_embeddings_of_384_channels_have_finite_losses_and_gradients(dtype, magnitude):
    model = _model(embed_dims=384, semantic_head=dict(in_channels=8))
    generator = torch.Generator().manual_seed(2)
    forward = model._forward
    leaves = []

    def adversarial(images, samples=None):
        with torch.autocast('cpu', enabled=False):
            maps = forward(images)
        for name in ('semantic_embedding', 'instance_embedding', 'raw_instance_embedding'):
            shape = getattr(maps, name).shape
            # All of one size, of both signs: sums of squares reach 384 x 1e8, beyond float16.
            signs = torch.randint(0, 2, shape, generator=generator) * 2.0 - 1
            leaves.append((magnitude * signs).to(dtype).requires_grad_())
            maps = maps._replace(**{name: leaves[-1]})
        return maps._replace(semantic_logits=model.semantic_head.classify(leaves[0]))

    model._forward = adversarial
    with torch.autocast('cpu', dtype=dtype, enabled=dtype != torch.float32):
        losses = model.loss(*_batch())
    not_finite = [name for name, loss in losses.items() if not loss.isfinite()]
    assert not_finite == []
    sum(losses.values()).backward()
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    gradients |= {f'map {i}': leaf.grad for i, leaf in enumerate(leaves)}
    assert [name for name, gradient in gradients.items() if not gradient.isfinite().all()] == []
    assert len(losses) == 9 and 'centroid_head.predictor.weight' in gradients
    model.interaction.centers.commit()
    assert model.interaction.centers.centers.isfinite().all()
